import type { JobRecord } from '@llm-engine/contracts';
import { expect, inject, test } from 'vitest';
import { TestEngine, chat, modelInfo } from '../support/engine.ts';
import { RedisServer } from '../support/redis-server.ts';
import { startModelServer } from '../support/model-server.ts';
import { WorkerProcess } from '../support/worker-process.ts';

const redisUrl = inject('redisUrl');
const MODELS = { models: [modelInfo('mock'), modelInfo('served')] };

function mock(script: Record<string, unknown>, overrides = {}) {
  return chat('x', {
    body: { model: 'mock', messages: [{ role: 'user', content: 'Hi' }], mock: script },
    ...overrides,
  });
}

test('a job whose worker is killed is completed by another worker', async () => {
  await using engine = await TestEngine.start(MODELS);
  await using doomed = await WorkerProcess.start({ redisUrl, prefix: engine.prefix });
  const handle = await engine.producer.submit(mock({ case: 'slow', ms: 1_500 }));
  await doomed.logged(({ msg, jobId }) => msg === 'job started' && jobId === handle.id);

  doomed.signal('SIGKILL');
  await doomed.ended();
  await using other = await WorkerProcess.start({ redisUrl, prefix: engine.prefix });
  const record = await handle.result();

  expect(record).toMatchObject({ state: 'succeeded', attempts: 1 });
  expect(await other.logged(({ msg }) => msg === 'job completed')).toMatchObject({ jobId: handle.id });
});

test('a worker that is told to stop hands its jobs over, ends cleanly, and no attempt is used', async () => {
  await using engine = await TestEngine.start(MODELS);
  await using stopped = await WorkerProcess.start({ redisUrl, prefix: engine.prefix });
  const handles = await engine.producer.submitMany(
    Array.from({ length: 5 }, () => mock({ case: 'slow', ms: 1_000 }, { maxAttempts: 1 })),
  );
  for (const { id } of handles) await stopped.logged(({ msg, jobId }) => msg === 'job started' && jobId === id);

  stopped.signal('SIGTERM');
  const exitCode = await stopped.ended();
  await using _other = await WorkerProcess.start({ redisUrl, prefix: engine.prefix });
  const records = await Promise.all(handles.map((handle) => handle.result()));

  expect(exitCode).toBe(0);
  expect(stopped.log.filter(({ msg }) => msg === 'job handed over')).toHaveLength(5);
  for (const record of records) expect(record).toMatchObject({ state: 'succeeded', attempts: 1 });
});

test('a worker that is told to stop lets its jobs finish within the grace', async () => {
  await using engine = await TestEngine.start(MODELS);
  await using worker = await WorkerProcess.start({
    redisUrl,
    prefix: engine.prefix,
    env: { WORKER_GRACE_SECONDS: '30' },
  });
  const handle = await engine.producer.submit(mock({ case: 'slow', ms: 500 }));
  await worker.logged(({ msg }) => msg === 'job started');

  worker.signal('SIGTERM');
  const exitCode = await worker.ended();

  expect(exitCode).toBe(0);
  expect(await handle.result()).toMatchObject({ state: 'succeeded', attempts: 1 });
  expect(worker.log.some(({ msg }) => msg === 'job handed over')).toBe(false);
});

test('a job that kills its worker ends in the dead letters, and takes no other job with it', async () => {
  await using engine = await TestEngine.start(MODELS);
  const others = await engine.producer.submitMany(Array.from({ length: 10 }, () => mock({ case: 'slow', ms: 300 })));
  const poison = await engine.producer.submit(mock({ case: 'crash' }));
  let workers = 0;
  const done = new AbortController();
  const supervise = async (): Promise<void> => {
    while (!done.signal.aborted) {
      await using worker = await WorkerProcess.spawn({ redisUrl, prefix: engine.prefix });
      workers += 1;
      await Promise.race([worker.ended(), allEnded]);
    }
  };
  const deadLetters = async () => (await engine.inspector.jobs({ state: 'failed' })).jobs.map(({ id }) => id);
  const end = async (): Promise<JobRecord[]> => {
    const records = await Promise.all([poison, ...others].map((handle) => handle.result()));
    // The record comes first; a worker that lives on puts the job among the dead letters a moment later.
    await expect.poll(deadLetters, { timeout: 5_000 }).toEqual([poison.id]);
    return records;
  };
  const allEnded = end().finally(() => done.abort());

  const [, [dead, ...rest]] = await Promise.all([supervise(), allEnded]);

  expect(dead).toMatchObject({ state: 'failed', error: { class: 'worker_crashed' } });
  for (const record of rest) expect(record).toMatchObject({ state: 'succeeded' });
  // Twice among others, twice alone; the fifth worker knows.
  expect(workers).toBe(5);
});

test('the model server sees the connection close soon after a job is cancelled in another process', async () => {
  await using server = await startModelServer({ models: ['served'], behaviour: { kind: 'hang' } });
  await using engine = await TestEngine.start(MODELS);
  await using worker = await WorkerProcess.start({
    redisUrl,
    prefix: engine.prefix,
    config: `models: { served: { executor: openai, endpoints: [${server.url}] } }`,
  });
  const handle = await engine.producer.submit(chat('x', { body: { model: 'served', messages: [{ role: 'user' }] } }));
  const request = await server.request(0);

  const cancelledAt = Date.now();
  await handle.cancel();
  const end = await request.closed;

  expect(end.by).toBe('client');
  expect(end.at - cancelledAt).toBeLessThan(1_000);
  expect((await handle.status()).state).toBe('cancelled');
  expect(await worker.logged(({ msg }) => msg === 'job cancelled')).toMatchObject({ jobId: handle.id });
});

test('a worker whose configuration is wrong ends with the reason', async () => {
  const start = WorkerProcess.start({ redisUrl, prefix: 'none', env: { WORKER_PORT: 'many' } });

  await expect(start).rejects.toThrow('the worker ended');
});

test('a worker whose port is taken ends with an exit code, and holds on to nothing', async () => {
  await using engine = await TestEngine.start(MODELS);
  await using first = await WorkerProcess.start({ redisUrl, prefix: engine.prefix });
  const { url } = await first.logged(({ msg }) => msg === 'worker takes jobs');
  const port = new URL(String(url)).port;

  await using second = await WorkerProcess.spawn({ redisUrl, prefix: engine.prefix, env: { WORKER_PORT: port } });

  expect(await second.ended()).toBe(1);
});

test('a worker that waits for Redis ends when it is told to stop', async () => {
  await using worker = await WorkerProcess.spawn({ redisUrl: 'redis://127.0.0.1:1', prefix: 'none' });
  await worker.logged(({ msg }) => msg === 'trouble');

  worker.signal('SIGTERM');

  expect(await worker.ended()).toBe(0);
});

test('a worker whose Redis has gone away ends when it is told to stop', async () => {
  await using redis = await RedisServer.start();
  await using worker = await WorkerProcess.start({ redisUrl: redis.url, prefix: 'lonely' });
  await redis.kill();
  await worker.logged(({ msg, source }) => msg === 'trouble' && source === 'redis');

  worker.signal('SIGTERM');

  expect(await worker.ended()).toBe(0);
});
