import { expect, test } from 'vitest';
import { z } from 'zod';
import { engineSettings, hostSetting, portSetting, readSettings, storageOf, storageSettings } from './settings.ts';

const schema = z.object({ ...engineSettings, SERVER_HOST: hostSetting, SERVER_PORT: portSetting(8080) });

test('a process without settings is on its own machine', () => {
  expect(readSettings(schema, {})).toEqual({
    REDIS_URL: 'redis://127.0.0.1:6379',
    LLM_ENGINE_PREFIX: 'llm-engine',
    SERVER_HOST: '127.0.0.1',
    SERVER_PORT: 8080,
  });
});

test('a setting that is empty counts as not set, and those of other programs are left out', () => {
  expect(readSettings(schema, { REDIS_URL: '', SERVER_PORT: '', PATH: '/bin' })).toEqual(readSettings(schema, {}));
});

test.for(['0', '1', '65535'])('%s is a port', (port) => {
  expect(readSettings(schema, { SERVER_PORT: port }).SERVER_PORT).toBe(Number(port));
});

test.for([
  ['SERVER_PORT', '65536'],
  ['SERVER_PORT', '-1'],
  ['SERVER_PORT', '1e3'],
  ['SERVER_PORT', ' 80'],
  ['SERVER_PORT', 'http'],
  ['REDIS_URL', 'http://127.0.0.1'],
  ['REDIS_URL', '127.0.0.1:6379'],
  ['LLM_ENGINE_PREFIX', 'p'.repeat(101)],
] as const)('%s=%s is refused, and the setting is named', ([name, value]) => {
  expect(() => readSettings(schema, { [name]: value })).toThrow(
    expect.objectContaining({
      code: 'invalid_config',
      message: expect.stringMatching(new RegExp(`^The setting '${name}'.*start again\\.$`)),
    }),
  );
});

const DATABASE_URL = 'postgres://engine:secret@127.0.0.1:5432/engine';

test('there is storage where both of its settings are made, and none without them', () => {
  const read = (env: Record<string, string>) => storageOf(readSettings(z.object(storageSettings), env));

  expect(read({ DATABASE_URL, STORAGE_URL: 'files' })).toEqual({ databaseUrl: DATABASE_URL, storageUrl: 'files' });
  expect(read({ DATABASE_URL: '', STORAGE_URL: '' })).toBeUndefined();
});

test.each([
  ['DATABASE_URL', { DATABASE_URL }, 'STORAGE_URL'],
  ['STORAGE_URL', { STORAGE_URL: 's3://bucket' }, 'DATABASE_URL'],
])('%s alone is refused, and the other setting is named', (_given, settings, missing) => {
  expect(() => storageOf(settings)).toThrow(
    expect.objectContaining({ code: 'invalid_config', message: expect.stringContaining(`needs ${missing}`) }),
  );
});
