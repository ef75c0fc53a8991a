import { beat } from '@llm-engine/queue';
import { expect, test } from 'vitest';
import { TestEngine, chat, randomPrefix } from '../support/engine.ts';
import { checkOf, healthOf, monitorOf, workerStatus } from '../support/monitor.ts';
import { RedisServer } from '../support/redis-server.ts';

test('the report is application/health+json, and a warning is answered with 200', async () => {
  await using engine = await TestEngine.start();
  await using monitor = await monitorOf(engine);

  const answer = await fetch(`${monitor.url}/health`);

  expect(answer.status).toBe(200);
  expect(answer.headers.get('content-type')).toMatch(/^application\/health\+json/);
  expect(await answer.json()).toMatchObject({
    // The Redis of the tests keeps no append-only file, and no worker runs.
    status: 'warn',
    serviceId: 'monitor',
    version: expect.stringMatching(/^\d+\.\d+\.\d+/),
    checks: {
      'redis:latency': [{ componentType: 'datastore', observedUnit: 'ms' }],
      'redis:maxmemory_policy': [{ observedValue: 'noeviction', status: 'pass' }],
      'redis:role': [{ observedValue: 'master', status: 'pass' }],
      'redis:aof_enabled': [{ status: 'warn' }],
      'redis:connected_clients': [{ status: 'pass' }],
      'redis:version': [{ status: 'pass' }],
      'workers:running': [{ status: 'warn', observedValue: 0 }],
    },
  });
});

test('an engine with a worker, its executor and Redis in order passes', async () => {
  await using redis = await RedisServer.start('--appendonly', 'yes');
  await using engine = await TestEngine.start({ redisUrl: redis.url });
  await using monitor = await monitorOf(engine);
  await engine.producer.submit(chat());
  await beat(engine.connection, workerStatus());

  // On a busy machine even a healthy Redis is now and then slow to answer.
  await expect
    .poll(() => healthOf(monitor))
    .toMatchObject({ httpStatus: 200, status: 'pass', description: 'All is well.' });
  const report = await healthOf(monitor);

  expect(checkOf(report, 'queues:workers')).toMatchObject({ componentId: 'inference.default', observedValue: 1 });
  expect(checkOf(report, 'executors:availability')).toMatchObject({ componentId: 'scripted', status: 'pass' });
});

test('jobs that wait for a worker which died are a failure, and a new worker ends it', async () => {
  await using engine = await TestEngine.start();
  await using monitor = await monitorOf(engine);
  await engine.producer.submit(chat());
  await beat(engine.connection, workerStatus({ id: 'dead', beatAt: Date.now() - 60_000 }));

  const without = await healthOf(monitor);
  await beat(engine.connection, workerStatus({ id: 'alive' }));
  const withWorker = await healthOf(monitor);

  expect(without).toMatchObject({ httpStatus: 503, status: 'fail' });
  expect(checkOf(without, 'queues:workers')).toMatchObject({
    status: 'fail',
    output: '1 job waits in inference.default, which no worker serves. Start a worker for it.',
  });
  expect(without.checks['workers:heartbeat']).toMatchObject([{ componentId: 'dead', status: 'warn' }]);
  expect(withWorker.httpStatus).toBe(200);
  expect(checkOf(withWorker, 'queues:workers')).toMatchObject({ status: 'pass' });
});

test('an executor that no worker can use is a failure that passes on what the worker says', async () => {
  await using engine = await TestEngine.start();
  await using monitor = await monitorOf(engine);
  const detail = 'http://models:8000 refuses connections. Start the model server.';
  await beat(
    engine.connection,
    workerStatus({ executors: [{ executor: 'vllm', status: 'fail', detail, slots: 8, slotsInUse: 0 }] }),
  );

  const report = await healthOf(monitor);

  expect(report).toMatchObject({ httpStatus: 503, status: 'fail' });
  expect(checkOf(report, 'executors:availability')).toMatchObject({
    componentId: 'vllm',
    status: 'fail',
    output: expect.stringContaining(detail),
  });
});

test('a Redis that may evict jobs is a failure that says which setting to change', async () => {
  await using redis = await RedisServer.start('--maxmemory-policy', 'allkeys-lru');
  await using monitor = await monitorOf({ redisUrl: redis.url, prefix: randomPrefix() });

  const report = await healthOf(monitor);

  expect(report.httpStatus).toBe(503);
  expect(checkOf(report, 'redis:maxmemory_policy')).toMatchObject({
    status: 'fail',
    observedValue: 'allkeys-lru',
    output: expect.stringContaining('Set it to noeviction.'),
  });
});

test('a Redis that is nearly full, and one that is a replica, are failures', async () => {
  await using redis = await RedisServer.start('--maxmemory', '1100kb');
  await using replica = await RedisServer.start('--replicaof', `127.0.0.1 ${redis.port}`);
  await using monitor = await monitorOf({ redisUrl: redis.url, prefix: randomPrefix() });
  await using replicaMonitor = await monitorOf({ redisUrl: replica.url, prefix: randomPrefix() });

  const full = await healthOf(monitor);
  const readOnly = await healthOf(replicaMonitor);

  expect(checkOf(full, 'redis:memory')).toMatchObject({ status: 'fail', observedUnit: 'used/max' });
  expect(checkOf(readOnly, 'redis:role')).toMatchObject({ status: 'fail', observedValue: 'slave' });
});
