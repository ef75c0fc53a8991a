import { expect, test } from 'vitest';
import { ANSWER, TestEngine, aborted, chat, modelInfo } from '../support/engine.ts';
import { RedisServer } from '../support/redis-server.ts';

const DURABLE = ['--appendonly', 'yes', '--appendfsync', 'always'];

test('with Redis killed and started again under load, nothing accepted is lost and every job ends once', async () => {
  await using redis = await RedisServer.start(...DURABLE);
  await using engine = await TestEngine.start({ redisUrl: redis.url });
  await engine.consume(async () => ANSWER, { concurrency: 20, lockMs: 2_000 });
  const accepted: string[] = [];
  const refusals: unknown[] = [];
  const done = new AbortController();
  const submit = async (): Promise<void> => {
    while (!done.signal.aborted) {
      try {
        accepted.push((await engine.producer.submit(chat())).id);
      } catch (error) {
        refusals.push(error);
        await engine.connection.waitUntilReady();
      }
    }
  };
  const lanes = Array.from({ length: 10 }, submit);

  for (const outage of [1, 2, 3]) {
    await expect.poll(() => accepted.length, { timeout: 20_000 }).toBeGreaterThan(outage * 200);
    await redis.kill('SIGKILL');
    await redis.start();
    await engine.connection.waitUntilReady();
  }
  await expect.poll(() => accepted.length, { timeout: 20_000 }).toBeGreaterThan(1_000);
  done.abort();
  await Promise.all(lanes);
  const records = await Promise.all(accepted.map((id) => engine.producer.job(id).result({ timeoutMs: 45_000 })));

  for (const refusal of refusals) {
    expect(refusal).toMatchObject({ code: 'queue_unavailable', status: 503, retryAfterMs: 1_000 });
  }
  expect(new Set(records.map(({ state }) => state))).toEqual(new Set(['succeeded']));
  const ended = engine.events
    .filter(({ type }) => type === 'completed')
    .map((event) => 'jobId' in event && event.jobId);
  expect(new Set(ended).size).toBe(ended.length);
});

test('a submission while Redis is down is refused within a second, and accepted once it is back', async () => {
  await using redis = await RedisServer.start(...DURABLE);
  await using engine = await TestEngine.start({ redisUrl: redis.url });
  await redis.kill();

  const start = Date.now();
  await expect(engine.producer.submit(chat())).rejects.toMatchObject({ code: 'queue_unavailable' });
  await expect(engine.producer.submitMany([chat(), chat()])).rejects.toMatchObject({ code: 'queue_unavailable' });
  await expect(engine.producer.run(chat())).rejects.toMatchObject({ code: 'queue_unavailable' });
  const took = Date.now() - start;
  await redis.start();
  await engine.connection.waitUntilReady();

  expect(took).toBeLessThan(1_000);
  expect((await engine.producer.submit(chat())).id).toMatch(/^job_/);
});

test('a result that is ready while Redis is away is recorded when it is back', async () => {
  await using redis = await RedisServer.start(...DURABLE);
  await using engine = await TestEngine.start({ redisUrl: redis.url });
  const release = Promise.withResolvers<void>();
  await engine.consume(async () => {
    await release.promise;
    return ANSWER;
  });
  const handle = await engine.producer.submit(chat());
  await engine.event(({ type }) => type === 'started');
  const waiting = handle.result();

  await redis.kill();
  release.resolve();
  await redis.start();

  expect(await waiting).toMatchObject({ state: 'succeeded', attempts: 1 });
  expect(engine.count('started')).toBe(1);
});

test('a reader of a stream goes on after an outage, without losing or repeating a chunk', async () => {
  await using redis = await RedisServer.start(...DURABLE);
  await using engine = await TestEngine.start({ redisUrl: redis.url });
  const more = Promise.withResolvers<void>();
  await engine.consume(async (lease) => {
    lease.publish('1');
    await more.promise;
    lease.publish('2');
    lease.publish('3');
    return ANSWER;
  });
  const handle = await engine.producer.submit(chat());
  const chunks: string[] = [];
  const first = Promise.withResolvers<void>();
  const reading = (async () => {
    for await (const event of handle.stream()) {
      if (event.type === 'chunk') chunks.push(event.chunk);
      first.resolve();
    }
  })();
  await first.promise;

  await redis.kill();
  more.resolve();
  await redis.start();
  await reading;

  expect(chunks).toEqual(['1', '2', '3']);
});

test('a run that loses its lock in an outage is stopped and writes nothing; the job ends once', async () => {
  await using redis = await RedisServer.start(...DURABLE);
  await using engine = await TestEngine.start({ redisUrl: redis.url });
  const again = Promise.withResolvers<void>();
  // The same worker takes its own job again: the trap in which a job would stall for ever.
  await engine.consume(
    async (lease) => {
      if (lease.run > 1) {
        await again.promise;
        return ANSWER;
      }
      await aborted(lease.signal);
      return { kind: 'completed', result: 'of a run that had lost the job' };
    },
    { lockMs: 1_000 },
  );
  const handle = await engine.producer.submit(chat());
  await engine.event(({ type }) => type === 'started');

  await engine.connection.redis.del(`${engine.connection.keys.bullJob('inference.default', handle.id)}:lock`);
  await engine.event(({ type }) => type === 'lease-lost');
  await engine.event((event) => event.type === 'started' && event.run > 1);
  again.resolve();

  expect(await handle.result()).toMatchObject({ state: 'succeeded', result: { ok: true } });
  expect(engine.count('completed')).toBe(1);
});

test('after a flush of Redis new jobs are accepted, run and found', async () => {
  await using redis = await RedisServer.start();
  await using engine = await TestEngine.start({ redisUrl: redis.url });
  await engine.consume(async () => ANSWER);
  const lost = await engine.producer.run(chat());

  await engine.connection.redis.flushall();
  await engine.producer.models.announce([modelInfo('m')]);
  const record = await engine.producer.run(chat());

  expect(record.state).toBe('succeeded');
  await expect(engine.producer.job(lost.id).status()).rejects.toMatchObject({ code: 'job_not_found' });
});

test('a run whose job comes back to the same worker is stopped, and can be cancelled', async () => {
  await using redis = await RedisServer.start();
  await using engine = await TestEngine.start({ redisUrl: redis.url });
  // The check for left jobs comes long before the lock would be renewed: the worker takes its own job again.
  await engine.consume(
    async (lease) => {
      await aborted(lease.signal);
      return { kind: 'cancelled' };
    },
    { lockMs: 60_000, stalledCheckMs: 200 },
  );
  const handle = await engine.producer.submit(chat());
  await engine.event(({ type }) => type === 'started');

  await engine.connection.redis.del(`${engine.connection.keys.bullJob('inference.default', handle.id)}:lock`);
  await engine.event(({ type }) => type === 'lease-lost');
  await engine.event((event) => event.type === 'started' && event.run > 1);
  await handle.cancel();

  expect(await engine.event(({ type }) => type === 'cancelled')).toMatchObject({ jobId: handle.id });
});

test('who waits for a job that is not known is told so, and who waits on a Redis that hangs not for longer than asked', async () => {
  await using redis = await RedisServer.start();
  await using engine = await TestEngine.start({ redisUrl: redis.url });
  const unknown = engine.producer.job('job_00000000000000000000000000ff');
  const known = await engine.producer.submit(chat());

  await expect(unknown.result()).rejects.toMatchObject({ code: 'job_not_found' });
  await expect(unknown.stream().next()).rejects.toMatchObject({ code: 'job_not_found' });
  await redis.kill('SIGSTOP');
  await expect(known.result({ timeoutMs: 200 })).rejects.toMatchObject({ code: 'wait_timeout' });
  await redis.kill('SIGCONT');
});
