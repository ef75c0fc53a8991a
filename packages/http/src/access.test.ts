import { mkdtemp, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { Access } from './access.ts';

const basic = (userAndPassword: string): string => `Basic ${Buffer.from(userAndPassword).toString('base64')}`;

async function keysFile(text: string): Promise<string> {
  const path = join(await mkdtemp(join(tmpdir(), 'llm-engine-keys-')), 'keys');
  await writeFile(path, text);
  return path;
}

test('without keys everybody is let in, whatever they send', () => {
  const access = new Access([]);

  expect(access.required).toBe(false);
  expect(access.identify(undefined)).toEqual({ owner: 'default' });
  expect(access.identify('Bearer anything')).toEqual({ owner: 'default' });
});

test.each([
  ['a bearer key', 'Bearer key-2'],
  ['a bearer key with another case of the scheme', 'bearer key-2'],
  ['a key as the password of any user', basic('me:key-2')],
  ['a key as the password of nobody', basic(':key-2')],
])('%s is let in', (_name, authorization) => {
  const access = new Access(['key-1', 'key-2']);

  expect(access.identify(authorization)).toEqual({ owner: 'default' });
});

test.each([
  ['no header', undefined, 'missing_api_key'],
  ['an empty header', '', 'missing_api_key'],
  ['a scheme without a key', 'Bearer ', 'missing_api_key'],
  ['another scheme', 'Digest key-1', 'missing_api_key'],
  ['a key that is not known', 'Bearer key-3', 'invalid_api_key'],
  ['the beginning of a key', 'Bearer key-', 'invalid_api_key'],
  ['a key as the name of a user', basic('key-1:'), 'missing_api_key'],
])('%s is refused', (_name, authorization, code) => {
  const access = new Access(['key-1', 'key-2']);

  expect(() => access.identify(authorization)).toThrow(expect.objectContaining({ code }));
});

test('keys come from the environment and from a file with comments', async () => {
  const path = await keysFile('# operators\nkey-3\n\n  key-4  \n');

  const access = await Access.fromEnv({ LLM_ENGINE_API_KEYS: 'key-1, key-2,', LLM_ENGINE_API_KEYS_FILE: path });

  for (const key of ['key-1', 'key-2', 'key-3', 'key-4']) expect(access.identify(`Bearer ${key}`)).toBeDefined();
});

test('an empty list of keys is none, so that a setting may be passed on without a value', async () => {
  const access = await Access.fromEnv({ LLM_ENGINE_API_KEYS: '', LLM_ENGINE_API_KEYS_FILE: '' });

  expect(access.required).toBe(false);
});

test('a keys file without a key, or that is not there, ends the start instead of opening the door', async () => {
  const empty = await keysFile('# nobody yet\n');

  await expect(Access.fromEnv({ LLM_ENGINE_API_KEYS_FILE: empty })).rejects.toThrow(/holds no key/);
  await expect(Access.fromEnv({ LLM_ENGINE_API_KEYS_FILE: `${empty}.gone` })).rejects.toThrow(/cannot be read/);
});

test('a key that no header can carry is refused, without repeating it', async () => {
  const start = Access.fromEnv({ LLM_ENGINE_API_KEYS: 'pass phrase' });

  await expect(start).rejects.toMatchObject({ code: 'invalid_config', message: expect.not.stringContaining('phrase') });
});

test.each(['127.0.0.1', '127.1.2.3', '::1', 'localhost'])('without keys %s may be listened on', (host) => {
  expect(() => new Access([]).requireMayListen(host, 'PRODUCER_HOST')).not.toThrow();
});

test.each(['0.0.0.0', '::', '10.0.0.7', 'fe80::1', 'engine.example', ''])(
  "without keys '%s' may not be listened on, and the error names the setting",
  (host) => {
    const access = new Access([]);

    expect(() => access.requireMayListen(host, 'PRODUCER_HOST')).toThrow(
      expect.objectContaining({ code: 'invalid_config', message: expect.stringContaining('PRODUCER_HOST') }),
    );
  },
);

test('with keys any address may be listened on', () => {
  expect(() => new Access(['key-1']).requireMayListen('0.0.0.0', 'PRODUCER_HOST')).not.toThrow();
});
