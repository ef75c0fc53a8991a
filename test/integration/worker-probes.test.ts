import { ExecutorRegistry, MockExecutor } from '@llm-engine/executors';
import { expect, test } from 'vitest';
import { TestEngine, chat, modelInfo, randomPrefix } from '../support/engine.ts';
import { valueOf } from '../support/prometheus-text.ts';
import { RedisServer, freePort } from '../support/redis-server.ts';
import { probe, workerMetrics, workerOf } from '../support/worker.ts';

const MODELS = { models: [modelInfo('mock')] };

function hanging() {
  return chat('x', { body: { model: 'mock', messages: [{ role: 'user', content: 'Hi' }], mock: { case: 'hang' } } });
}

test('a worker that waits for Redis is alive, but neither started nor ready; then it is both', async () => {
  await using redis = await RedisServer.start();
  await redis.kill();
  await using executors = new ExecutorRegistry([new MockExecutor()]);
  const port = await freePort();
  const url = `http://127.0.0.1:${port}`;

  const starting = workerOf({ redisUrl: redis.url, prefix: randomPrefix() }, executors, { port });
  await expect.poll(() => probe(url, 'livez').catch(() => undefined)).toEqual({ status: 200 });
  const before = { startupz: await probe(url, 'startupz'), readyz: await probe(url, 'readyz') };
  await redis.start();
  await using _worker = await starting;

  const starts = { status: 503, reason: 'starting: waits for Redis, the database and the model servers' };
  expect(before).toEqual({ startupz: starts, readyz: starts });
  for (const name of ['livez', 'startupz', 'readyz'] as const) expect(await probe(url, name)).toEqual({ status: 200 });
});

test('while Redis is down a worker is not ready and is not restarted for it; it is ready again with Redis', async () => {
  await using redis = await RedisServer.start();
  await using executors = new ExecutorRegistry([new MockExecutor()]);
  await using worker = await workerOf({ redisUrl: redis.url, prefix: randomPrefix() }, executors);

  await redis.kill();
  await expect.poll(() => probe(worker.url, 'readyz')).toEqual({ status: 503, reason: 'Redis cannot be reached' });
  const down = { livez: await probe(worker.url, 'livez'), startupz: await probe(worker.url, 'startupz') };
  await redis.start();

  expect(down).toEqual({ livez: { status: 200 }, startupz: { status: 200 } });
  await expect.poll(() => probe(worker.url, 'readyz'), { timeout: 5_000 }).toEqual({ status: 200 });
});

test('a worker that drains is alive but not ready, until its jobs have ended', async () => {
  await using engine = await TestEngine.start(MODELS);
  await using executors = new ExecutorRegistry([new MockExecutor()]);
  const worker = await workerOf(engine, executors, { graceMs: 30_000 });
  const handle = await engine.producer.submit(hanging());
  await expect.poll(async () => (await handle.status()).state).toBe('running');

  const closing = worker.close();
  const draining = { readyz: await probe(worker.url, 'readyz'), livez: await probe(worker.url, 'livez') };
  await handle.cancel();
  await closing;

  expect(draining).toEqual({
    readyz: { status: 503, reason: 'draining: takes no more jobs' },
    livez: { status: 200 },
  });
  await expect(probe(worker.url, 'livez')).rejects.toThrow('fetch failed');
});

test('metrics tell the slots of each queue, those in use, and when the worker was last heard of', async () => {
  await using engine = await TestEngine.start(MODELS);
  await using executors = new ExecutorRegistry([new MockExecutor()]);
  const startedAt = Date.now() / 1_000;
  await using worker = await workerOf(engine, executors, { pools: ['default', 'large'], concurrency: 7 });
  const handle = await engine.producer.submit(hanging());
  await expect.poll(async () => (await handle.status()).state).toBe('running');

  const families = await workerMetrics(worker.url);

  const value = (name: string, labels: Readonly<Record<string, string>>): number | undefined =>
    valueOf(families, `llm_engine_worker_${name}`, labels);
  expect(value('slots', { queue: 'inference.default' })).toBe(7);
  expect(value('slots', { queue: 'inference.large' })).toBe(7);
  expect(value('slots', { queue: 'fine-tune' })).toBe(1);
  expect(value('slots_in_use', { queue: 'inference.default' })).toBe(1);
  expect(value('slots_in_use', { queue: 'inference.large' })).toBe(0);
  expect(value('last_heartbeat_timestamp_seconds', { pool: 'large' })).toBeGreaterThanOrEqual(startedAt);
});

test('a worker whose port is taken says which setting to change', async () => {
  await using engine = await TestEngine.start(MODELS);
  await using executors = new ExecutorRegistry([new MockExecutor()]);
  await using first = await workerOf(engine, executors);

  const second = workerOf(engine, executors, { port: first.port });

  await expect(second).rejects.toMatchObject({
    code: 'invalid_config',
    message: expect.stringContaining('WORKER_PORT'),
  });
});
