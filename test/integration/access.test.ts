import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { Access } from '@llm-engine/http';
import { expect, inject, test } from 'vitest';
import { randomPrefix } from '../support/engine.ts';
import { CHAT, TestProducer, chatCompletion } from '../support/producer.ts';

const MAIN = new URL('../../apps/producer/src/main.ts', import.meta.url).pathname;

interface Exit {
  readonly code: number | null;
  readonly stderr: string;
}

function spawnProducer(env: Readonly<Record<string, string>>) {
  return spawn(process.execPath, ['--conditions=@llm-engine/source', MAIN], {
    env: { REDIS_URL: inject('redisUrl'), LLM_ENGINE_PREFIX: randomPrefix(), PRODUCER_PORT: '0', ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
}

/** Runs a producer that is expected to end by itself. */
async function failedStart(env: Readonly<Record<string, string>>): Promise<Exit> {
  const child = spawnProducer(env);
  let stderr = '';
  child.stderr.on('data', (data) => (stderr += String(data)));
  child.stdout.resume();
  const [code] = (await once(child, 'close')) as [number | null];
  return { code, stderr };
}

test('with keys every route but the probes asks for one', async () => {
  await using producer = await TestProducer.start({ access: new Access(['sk-1', 'sk-2']) });

  const asked = await Promise.all([
    producer.post('/v1/chat/completions', CHAT),
    ...['/v1/models', '/v1/jobs', '/metrics', '/openapi.json', '/docs', '/docs/static/swagger-ui.css', '/nowhere'].map(
      (path) => producer.get(path),
    ),
  ]);
  const probes = await Promise.all(['/livez', '/readyz', '/startupz'].map((path) => producer.get(path)));

  for (const { status, body } of asked) {
    expect(status).toBe(401);
    expect(body).toMatchObject({ error: { type: 'authentication_error', code: 'missing_api_key' } });
  }
  expect(probes.map(({ status }) => status)).toEqual([200, 200, 200]);
});

test('a key is taken as a bearer token, and as a password from a browser', async () => {
  await using producer = await TestProducer.start({
    access: new Access(['sk-1', 'sk-2']),
    runJob: () => Promise.resolve(chatCompletion('Hi')),
  });
  const basic = `Basic ${Buffer.from('me:sk-2').toString('base64')}`;

  const bearer = await producer.post('/v1/chat/completions', CHAT, { authorization: 'Bearer sk-1' });
  const password = await producer.get('/docs', { authorization: basic });
  const wrong = await producer.get('/docs', { authorization: 'Bearer sk-3', accept: 'text/html' });

  expect([bearer.status, password.status, wrong.status]).toEqual([200, 200, 401]);
  expect(wrong.headers.get('www-authenticate')).toMatch(/^Basic/);
});

test('a request without a key is refused before its body is read', async () => {
  await using producer = await TestProducer.start({ access: new Access(['sk-1']), bodyLimit: 1_024 });

  const { status } = await producer.post('/v1/chat/completions', `{"not json ${'x'.repeat(5_000)}`);

  expect(status).toBe(401);
});

test('without keys an address that others can reach ends the start with the reason and a failing exit code', async () => {
  const { code, stderr } = await failedStart({ PRODUCER_HOST: '0.0.0.0' });

  expect(code).toBe(1);
  expect(stderr).toContain("PRODUCER_HOST is '0.0.0.0', which other machines can reach, and there are no API keys.");
  expect(stderr).toContain('LLM_ENGINE_API_KEYS');
});

test('a setting that is wrong ends the start with one line that names it', async () => {
  const { code, stderr } = await failedStart({ PRODUCER_PORT: 'http' });

  expect(code).toBe(1);
  expect(stderr.trim().split('\n')).toEqual([expect.stringContaining('PRODUCER_PORT')]);
});

test.each(['SIGTERM', 'SIGINT'] as const)('a producer stops cleanly on %s', async (signal) => {
  const child = spawnProducer({ LLM_ENGINE_API_KEYS: 'sk-1', PRODUCER_HOST: '0.0.0.0' });
  const ended = once(child, 'close');
  let log = '';
  for await (const part of child.stdout) {
    log += String(part);
    if (log.includes('producer listens')) break;
  }

  child.kill(signal);
  child.stdout.resume();
  const [code] = (await ended) as [number | null];

  expect(code).toBe(0);
});
