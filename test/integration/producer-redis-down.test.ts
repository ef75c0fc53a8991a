import { startProducer } from '@llm-engine/producer';
import { InternalServerError } from 'openai';
import { expect, test } from 'vitest';
import { CHAT, ProducerClient, SILENT, TestProducer, chatCompletion, refusalOf } from '../support/producer.ts';
import { RedisServer } from '../support/redis-server.ts';

const JOB = { kind: 'inference', endpoint: '/v1/chat/completions', body: CHAT };
const REQUESTS = [
  ['a chat completion', 'POST', '/v1/chat/completions', CHAT],
  ['a streamed chat completion', 'POST', '/v1/chat/completions', { ...CHAT, stream: true }],
  ['a job', 'POST', '/v1/jobs', JOB],
  ['many jobs', 'POST', '/v1/jobs', { jobs: [JOB, JOB] }],
  ['the models', 'GET', '/v1/models', undefined],
  ['the jobs', 'GET', '/v1/jobs', undefined],
  ['one job', 'GET', '/v1/jobs/job_0mabcdef0000123456789abcdef0', undefined],
  ['a stream', 'GET', '/v1/jobs/job_0mabcdef0000123456789abcdef0/stream', undefined],
  ['a cancellation', 'POST', '/v1/jobs/job_0mabcdef0000123456789abcdef0/cancel', undefined],
  ['a retry of all', 'POST', '/v1/dead-letters/retry', undefined],
] as const;

test('while Redis is down every request is answered with 503 and Retry-After within a second', async () => {
  await using redis = await RedisServer.start();
  await using producer = await TestProducer.start({ redisUrl: redis.url });
  await redis.kill();

  for (const [what, method, path, body] of REQUESTS) {
    const start = performance.now();
    const answer = method === 'POST' ? await producer.post(path, body) : await producer.get(path);
    const took = performance.now() - start;

    expect.soft(answer.status, what).toBe(503);
    expect.soft(answer.headers.get('retry-after'), what).toBe('1');
    expect.soft(answer.body, what).toMatchObject({ error: { type: 'server_error', code: 'queue_unavailable' } });
    expect.soft(took, what).toBeLessThan(1_000);
  }
});

test('a Redis that hangs is as good as one that is down', async () => {
  await using redis = await RedisServer.start();
  await using producer = await TestProducer.start({ redisUrl: redis.url });
  await redis.kill('SIGSTOP');

  const answers = await Promise.all(
    REQUESTS.map(async ([what, method, path, body]) => {
      const start = performance.now();
      const answer = method === 'POST' ? await producer.post(path, body) : await producer.get(path);
      return { what, status: answer.status, took: performance.now() - start };
    }),
  );
  await redis.kill('SIGCONT');

  for (const { what, status, took } of answers) {
    expect.soft(status, what).toBe(503);
    expect.soft(took, what).toBeLessThan(5_000);
  }
});

test("OpenAI's client gets through as soon as Redis is back, without a restart of the producer", async () => {
  await using redis = await RedisServer.start('--appendonly', 'yes', '--appendfsync', 'always');
  await using producer = await TestProducer.start({
    redisUrl: redis.url,
    runJob: () => Promise.resolve(chatCompletion('Hi')),
  });
  await redis.kill();

  const refused = await refusalOf(producer.openai.chat.completions.create(CHAT));
  await redis.start();
  const answer = await producer.client({ maxRetries: 10 }).chat.completions.create(CHAT);

  expect(refused).toBeInstanceOf(InternalServerError);
  expect(answer.choices[0]?.message.content).toBe('Hi');
});

test('a producer starts before its Redis, and says so until it is there', async () => {
  await using redis = await RedisServer.start();
  await redis.kill();
  await using running = await startProducer({ redisUrl: redis.url, port: 0, logger: SILENT });
  const producer = new ProducerClient(running.url);

  const early = await Promise.all(['/livez', '/readyz', '/startupz'].map((path) => producer.get(path)));
  const refused = await producer.get('/v1/models');
  await redis.start();
  await expect.poll(async () => (await producer.get('/startupz')).status).toBe(200);
  const late = await Promise.all(['/livez', '/readyz', '/v1/models'].map((path) => producer.get(path)));

  expect(early.map(({ status }) => status)).toEqual([200, 503, 503]);
  expect(early[2]?.body).toEqual({ status: 'unavailable', reason: 'Redis has not been reached yet' });
  expect(refused.status).toBe(503);
  expect(late.map(({ status }) => status)).toEqual([200, 200, 200]);
});

test('a short outage of Redis does not take the producer out of service, and never ends its life', async () => {
  await using redis = await RedisServer.start();
  await using producer = await TestProducer.start({ redisUrl: redis.url });
  await producer.get('/readyz');
  await redis.kill();
  await expect.poll(async () => (await producer.get('/v1/models')).status).toBe(503);

  const [live, ready, started] = await Promise.all(
    ['/livez', '/readyz', '/startupz'].map((path) => producer.get(path)),
  );

  expect([live, ready, started].map((answer) => answer?.status)).toEqual([200, 200, 200]);
});
