import { expect, test } from 'vitest';
import { TestEngine, chat, randomPrefix } from '../support/engine.ts';
import { checkOf, healthOf, monitorOf, scrape } from '../support/monitor.ts';
import { valueOf } from '../support/prometheus-text.ts';
import { RedisServer } from '../support/redis-server.ts';

async function statusOf(url: string): Promise<number> {
  const answer = await fetch(url);
  await answer.arrayBuffer();
  return answer.status;
}

test('when Redis is killed the monitor keeps answering and says so, and recovers when it is back', async () => {
  await using redis = await RedisServer.start('--appendonly', 'yes', '--appendfsync', 'always');
  await using engine = await TestEngine.start({ redisUrl: redis.url });
  await using monitor = await monitorOf(engine);
  await engine.producer.submit(chat());

  const before = await scrape(monitor);
  await redis.kill();
  const downMetrics = await scrape(monitor);
  const downHealth = await healthOf(monitor);
  const downStatuses = await Promise.all(
    ['/livez', '/readyz', '/startupz', '/', '/queues', '/api/queues', '/api/workers', '/queues/api/queues'].map(
      async (path) => [path, await statusOf(monitor.url + path)] as const,
    ),
  );
  await redis.start();
  await expect.poll(async () => valueOf(await scrape(monitor), 'llm_engine_redis_up')).toBe(1);
  const after = await scrape(monitor);

  const waiting = ['llm_engine_queue_jobs', { queue: 'inference.default', state: 'prioritized' }] as const;
  expect(valueOf(before, ...waiting)).toBe(1);
  expect(valueOf(downMetrics, 'llm_engine_redis_up')).toBe(0);
  expect(valueOf(downMetrics, 'llm_engine_collector_errors_total')).toBe(1);
  expect(downMetrics.get('llm_engine_queue_jobs')?.samples).toEqual([]);
  expect(downHealth).toMatchObject({ httpStatus: 503, status: 'fail' });
  expect(checkOf(downHealth, 'redis:latency')).toMatchObject({
    status: 'fail',
    output: expect.stringContaining('REDIS_URL'),
  });
  expect(Object.fromEntries(downStatuses)).toEqual({
    '/livez': 200,
    '/readyz': 200,
    '/startupz': 200,
    '/': 200,
    '/queues': 200,
    '/api/queues': 503,
    '/api/workers': 503,
    '/queues/api/queues': 503,
  });
  expect(valueOf(after, ...waiting)).toBe(1);
  await expect.poll(async () => checkOf(await healthOf(monitor), 'redis:latency')).toMatchObject({ status: 'pass' });
});

test('a monitor that starts without Redis serves, and sees the engine when Redis comes', async () => {
  await using redis = await RedisServer.start();
  await redis.kill();
  await using monitor = await monitorOf({ redisUrl: redis.url, prefix: randomPrefix() });

  const before = await healthOf(monitor);
  const ready = await statusOf(`${monitor.url}/readyz`);
  await redis.start();

  expect(before).toMatchObject({ httpStatus: 503, status: 'fail' });
  expect(ready).toBe(200);
  await expect.poll(async () => (await healthOf(monitor)).httpStatus).toBe(200);
});

test('a Redis that hangs is reported within seconds, and so is its return', async () => {
  await using redis = await RedisServer.start();
  await using monitor = await monitorOf({ redisUrl: redis.url, prefix: randomPrefix() });

  await redis.kill('SIGSTOP');
  const [hung, metrics, board] = await Promise.all([
    healthOf(monitor),
    scrape(monitor),
    statusOf(`${monitor.url}/queues/api/queues`),
  ]);
  await redis.kill('SIGCONT');

  expect(checkOf(hung, 'redis:latency')).toMatchObject({
    status: 'fail',
    output: expect.stringContaining('no answer in 1000 ms'),
  });
  expect(valueOf(metrics, 'llm_engine_redis_up')).toBe(0);
  expect(board).toBe(503);
  await expect.poll(async () => (await healthOf(monitor)).httpStatus).toBe(200);
});
