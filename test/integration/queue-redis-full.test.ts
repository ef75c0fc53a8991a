import { failure } from '@llm-engine/contracts';
import { expect, test } from 'vitest';
import { ANSWER, TestEngine, chat } from '../support/engine.ts';
import { CHAT, TestProducer } from '../support/producer.ts';
import { RedisServer } from '../support/redis-server.ts';

test('a result that a full Redis has no room for is not lost: the job ends when there is room again', async () => {
  await using redis = await RedisServer.start();
  await using engine = await TestEngine.start({ redisUrl: redis.url });
  const setLimit = (bytes: number) => engine.connection.redis.config('SET', 'maxmemory', String(bytes));
  await engine.consume(
    async (lease) => {
      if (lease.run === 1) await setLimit(1);
      return ANSWER;
    },
    { lockMs: 1_000 },
  );
  const handle = await engine.producer.submit(chat());

  await engine.event((event) => event.type === 'trouble' && event.source === 'record');
  await setLimit(0);

  expect(await handle.result({ timeoutMs: 10_000 })).toMatchObject({ state: 'succeeded', result: { ok: true } });
});

test.for(['chunks', 'failure'] as const)(
  '%s that a full Redis has no room for do not end the job: it runs again',
  async (kind) => {
    await using redis = await RedisServer.start();
    await using engine = await TestEngine.start({ redisUrl: redis.url });
    const setLimit = (bytes: number) => engine.connection.redis.config('SET', 'maxmemory', String(bytes));
    await engine.consume(
      async (lease) => {
        if (lease.run > 1) return ANSWER;
        await setLimit(1);
        if (kind === 'chunks') lease.publish('1');
        return kind === 'chunks' ? ANSWER : { kind: 'failed', failure: failure('bad_request', 'no') };
      },
      { lockMs: 1_000 },
    );
    const handle = await engine.producer.submit(chat());

    await engine.event((event) => event.type === 'trouble' && event.error.message.includes('OOM'));
    await setLimit(0);

    expect(await handle.result({ timeoutMs: 10_000 })).toMatchObject({ state: 'succeeded' });
  },
);

test('a full Redis refuses a job, and a list of jobs, in words, and takes them when there is room again', async () => {
  await using redis = await RedisServer.start();
  await using engine = await TestEngine.start({ redisUrl: redis.url });
  const setLimit = (bytes: number) => engine.connection.redis.config('SET', 'maxmemory', String(bytes));
  // The engine knows its queue by now: what is refused is the job itself.
  await engine.producer.submit(chat());
  await setLimit(1);
  const full = { code: 'queue_unavailable', message: expect.stringContaining('Redis is full'), retryAfterMs: 1_000 };

  await expect(engine.producer.submit(chat())).rejects.toMatchObject(full);
  await expect(engine.producer.submit(chat('a', { idempotencyKey: 'k' }))).rejects.toMatchObject(full);
  await expect(engine.producer.submitMany([chat('b'), chat('c')])).rejects.toMatchObject(full);
  await setLimit(0);
  const handle = await engine.producer.submit(chat());

  expect(await handle.status()).toMatchObject({ state: 'queued' });
  expect(engine.count('rejected')).toBe(3);
});

test('over HTTP a full Redis is a 503 that says when to try again', async () => {
  await using redis = await RedisServer.start();
  await using producer = await TestProducer.start({ redisUrl: redis.url });
  await producer.engine.connection.redis.config('SET', 'maxmemory', '1');

  const answers = [
    await producer.post('/v1/chat/completions', CHAT),
    await producer.post('/v1/jobs', { kind: 'inference', endpoint: '/v1/chat/completions', body: CHAT }),
  ];

  for (const { status, headers, body } of answers) {
    expect(status).toBe(503);
    expect(headers.get('retry-after')).toBe('1');
    expect(body).toMatchObject({
      error: { code: 'queue_unavailable', message: expect.stringContaining('Redis is full') },
    });
  }
});
