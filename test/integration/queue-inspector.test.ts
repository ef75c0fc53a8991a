import { EngineError, failure } from '@llm-engine/contracts';
import { expect, test, vi } from 'vitest';
import { ANSWER, TestEngine, chat } from '../support/engine.ts';

test('a job that was tried again is not tried a second time, also after its retry has ended', async () => {
  await using engine = await TestEngine.start();
  let healthy = false;
  await engine.consume(async () => (healthy ? ANSWER : { kind: 'failed', failure: failure('unauthorized', 'no') }));
  const failed = await engine.producer.run(chat());
  await engine.event(({ type }) => type === 'failed');
  healthy = true;
  const first = await engine.inspector.retry(failed.id);
  await first.result();

  const second = await engine.inspector.retry(failed.id);

  expect(second.id).toBe(first.id);
  expect(await second.result()).toMatchObject({ state: 'succeeded', retryOf: failed.id });
  expect(engine.count('completed')).toBe(1);
});

test('of two who cancel a job at the same time one has done it, and the other is told', async () => {
  await using engine = await TestEngine.start();
  const handle = await engine.producer.submit(chat());

  const ends = await Promise.allSettled([handle.cancel(), handle.cancel()]);

  const refused = ends.filter((end) => end.status === 'rejected').map(({ reason }) => reason as unknown);
  expect(refused).toMatchObject([{ code: 'job_already_finished' }]);
  expect((await handle.status()).state).toBe('cancelled');
});

test.for([
  ['limit', { limit: 0 }],
  ['limit', { limit: 101 }],
  ['limit', { limit: 1.5 }],
  ['after', { after: 'job_nonsense' }],
] as const)('a listing with a wrong %s is refused: %j', async ([param, filter]) => {
  await using engine = await TestEngine.start();

  await expect(engine.inspector.jobs(filter)).rejects.toMatchObject({ code: 'invalid_request', param });
});

test('a queue tells how many jobs it holds in which state, and how long the oldest has waited', async () => {
  await using engine = await TestEngine.start();
  await engine.producer.submitMany([chat('a', { priority: 'bulk' }), chat('b'), chat('c', { delayMs: 60_000 })]);
  const waitsFor = async () => (await engine.inspector.queues())[0]?.oldestWaitingSeconds;
  await expect.poll(waitsFor).toBeGreaterThan(0);

  const [queue] = await engine.inspector.queues();

  expect(queue).toMatchObject({
    queue: 'inference.default',
    paused: false,
    counts: { waiting: 0, prioritized: 2, active: 0, delayed: 1, failed: 0, completed: 0 },
  });
  expect(queue?.oldestWaitingSeconds).toBeLessThan(60);
});

test('Redis answers what it is, and how fast', async () => {
  await using engine = await TestEngine.start();

  expect(await engine.inspector.redisInfo()).toContain('redis_version');
  expect(await engine.inspector.redisLatencyMs()).toBeGreaterThan(0);
});

test('a list that breaks off halfway says how much of it was certainly accepted', async () => {
  await using engine = await TestEngine.start();
  const queue = engine.connection.queue('inference.default');
  const addBulk = queue.addBulk.bind(queue);
  vi.spyOn(queue, 'addBulk')
    .mockImplementationOnce((jobs) => addBulk(jobs))
    .mockRejectedValueOnce(new Error('Connection is closed.'));

  const submitting = engine.producer.submitMany(Array.from({ length: 1_200 }, (_, index) => chat(String(index))));

  await expect(submitting).rejects.toMatchObject({
    code: 'queue_unavailable',
    message: expect.stringContaining('first 1000 of 1200'),
    retryAfterMs: 1_000,
  });
});

test('who cannot be told of the end is not let in, and is when it can be told again', async () => {
  await using engine = await TestEngine.start();
  await engine.consume(async () => ANSWER);
  vi.spyOn(engine.connection.wakeups, 'listen').mockRejectedValueOnce(new Error('Connection is closed.'));

  const refused: unknown = await engine.producer.run(chat()).catch((error: unknown) => error);
  const record = await engine.producer.run(chat());

  expect(refused).toBeInstanceOf(EngineError);
  expect(refused).toMatchObject({ code: 'queue_unavailable' });
  expect(record.state).toBe('succeeded');
});

test('deaths in quarantine are counted across workers, and forgotten when a run survives', async () => {
  await using engine = await TestEngine.start();
  const deaths: number[] = [];
  await engine.consume(async (lease) => {
    // Entered and never left, as by a worker that died in it; then entered by the next one, which survives.
    deaths.push(await lease.enterQuarantine(), await lease.enterQuarantine());
    await lease.leaveQuarantine();
    deaths.push(await lease.enterQuarantine());
    return ANSWER;
  });

  await engine.producer.run(chat());

  expect(deaths).toEqual([0, 1, 0]);
});

test('a job that waits for its next attempt says when that is due, alone and in a list', async () => {
  await using engine = await TestEngine.start();
  const retryAfterMs = 60_000;
  let failedAt = 0;
  await engine.consume(async () => {
    failedAt = Date.now();
    return { kind: 'failed', failure: failure('overloaded', 'no', { retryAfterMs }) };
  });
  const handle = await engine.producer.submit(chat('later', { delayMs: 200 }));
  await engine.event(({ type }) => type === 'started');
  await expect.poll(async () => (await handle.status()).state).toBe('scheduled');

  const alone = await handle.status();
  const [listed] = (await engine.inspector.jobs({ state: 'scheduled' })).jobs;

  expect(alone.scheduledFor).toBeGreaterThanOrEqual(failedAt + retryAfterMs);
  expect(alone.scheduledFor).toBeLessThan(Date.now() + retryAfterMs + retryAfterMs / 2);
  expect(listed?.scheduledFor).toBe(alone.scheduledFor);
});

test('a job whose delay is over has waited since it was due, not since it was submitted', async () => {
  await using engine = await TestEngine.start();
  const blocked = Promise.withResolvers<void>();
  await engine.consume(
    async () => {
      await blocked.promise;
      return ANSWER;
    },
    { concurrency: 1 },
  );
  await engine.producer.submit(chat('first'));
  const hour = 3_600_000;
  const handle = await engine.producer.submit(chat('later', { delayMs: hour }));
  const bull = await engine.connection.queue('inference.default').getJob(handle.id);
  // As if it had been submitted an hour and ten seconds ago.
  await engine.connection.redis.hset(
    engine.connection.keys.bullJob('inference.default', handle.id),
    'timestamp',
    Date.now() - hour - 10_000,
  );
  await bull?.promote();

  const [queue] = await engine.inspector.queues();
  blocked.resolve();

  expect(queue?.oldestWaitingSeconds).toBeGreaterThanOrEqual(10);
  expect(queue?.oldestWaitingSeconds).toBeLessThan(60);
});
