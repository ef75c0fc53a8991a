import { once } from 'node:events';
import { connect } from 'node:net';
import { failure } from '@llm-engine/contracts';
import { APIError, InternalServerError } from 'openai';
import { expect, test } from 'vitest';
import { aborted } from '../support/engine.ts';
import { CHAT, TestProducer, chatChunk, chatCompletion, collect, refusalOf } from '../support/producer.ts';

const STREAM = { ...CHAT, stream: true } as const;

test('the answer is server-sent events that end with [DONE], unbuffered by proxies', async () => {
  await using producer = await TestProducer.start({
    runJob: (lease) => {
      lease.publish(chatChunk('one'));
      lease.publish(chatChunk('two'));
      return Promise.resolve(chatCompletion('onetwo'));
    },
  });

  const { status, headers, body } = await producer.post('/v1/chat/completions', STREAM);

  expect(status).toBe(200);
  expect(Object.fromEntries(headers)).toMatchObject({
    'content-type': 'text/event-stream; charset=utf-8',
    'cache-control': 'no-cache, no-transform',
    'x-accel-buffering': 'no',
    'x-request-id': expect.stringMatching(/^req_/),
    'x-job-id': expect.stringMatching(/^job_/),
  });
  expect(body).toBe(`data: ${chatChunk('one')}\n\ndata: ${chatChunk('two')}\n\ndata: [DONE]\n\n`);
});

test('a job that fails before its first chunk is answered with the status of its error', async () => {
  await using producer = await TestProducer.start({
    runJob: () => Promise.resolve({ kind: 'failed', failure: failure('context_too_long', 'Too long.') }),
  });

  const { status, headers, body } = await producer.post('/v1/chat/completions', STREAM);

  expect(status).toBe(400);
  expect(headers.get('content-type')).toContain('application/json');
  expect(body).toMatchObject({ error: { message: 'Too long.', code: 'context_too_long' } });
});

test('a job that fails after chunks ends its stream with an error, which the client throws', async () => {
  await using producer = await TestProducer.start({
    runJob: (lease) => {
      lease.publish(chatChunk('half'));
      return Promise.resolve({ kind: 'failed', failure: failure('internal', 'It broke.', { code: 'broke' }) });
    },
  });
  const received: string[] = [];

  const stream = await producer.openai.chat.completions.create(STREAM);
  const error = await refusalOf(
    collect(stream).catch((error: unknown) => {
      received.push('thrown');
      throw error;
    }),
  );
  const { body } = await producer.post('/v1/chat/completions', STREAM);

  expect(received).toEqual(['thrown']);
  expect(error).toBeInstanceOf(APIError);
  expect(error).toMatchObject({ code: 'broke' });
  expect(body).toMatch(/^data: .*half.*\n\ndata: \{"error":\{"message":"It broke\.".*\}\}\n\n$/);
});

test('a retry before the first chunk is not seen by the client', async () => {
  await using producer = await TestProducer.start({
    runJob: (lease) => {
      if (lease.attempt === 1) return Promise.resolve({ kind: 'failed', failure: failure('overloaded', 'Busy.') });
      lease.publish(chatChunk('answer'));
      return Promise.resolve(chatCompletion('answer'));
    },
  });

  const stream = await producer.openai.chat.completions.create(STREAM);
  const chunks = await collect(stream);

  expect(chunks.map(({ choices }) => choices[0]?.delta.content)).toEqual(['answer']);
});

test('a job that runs again after chunks were sent ends with an error and is cancelled: chunks cannot be taken back', async () => {
  await using producer = await TestProducer.start({
    runJob: async (lease) => {
      lease.publish(chatChunk(`attempt ${lease.attempt}`));
      if (lease.attempt === 1) return { kind: 'failed', failure: failure('connection', 'Reset.') };
      await aborted(lease.signal);
      return { kind: 'cancelled' };
    },
  });

  const { body, headers } = await producer.post('/v1/chat/completions', STREAM);

  expect(body).toContain(chatChunk('attempt 1'));
  expect(body).not.toContain('attempt 2');
  expect(body).toMatch(/"code":"stream_interrupted"\}\}\n\n$/);
  const job = producer.engine.producer.job(headers.get('x-job-id') ?? '');
  await expect(job.status()).resolves.toMatchObject({ state: 'cancelled' });
});

test('a client that hangs up in the middle of a stream cancels its job', async () => {
  await using producer = await TestProducer.start({
    runJob: async (lease) => {
      lease.publish(chatChunk('first'));
      await aborted(lease.signal);
      return { kind: 'cancelled' };
    },
  });

  const stream = await producer.openai.chat.completions.create(STREAM);
  for await (const _chunk of stream) break;

  await expect(producer.engine.event(({ type }) => type === 'cancelled')).resolves.toBeDefined();
});

test('a client that hangs up before the first chunk cancels its job', async () => {
  await using producer = await TestProducer.start({
    runJob: async ({ signal }) => {
      await aborted(signal);
      return { kind: 'cancelled' };
    },
  });
  const client = new AbortController();

  const call = refusalOf(producer.openai.chat.completions.create(STREAM, { signal: client.signal }));
  await producer.engine.event(({ type }) => type === 'started');
  client.abort();
  await call;

  await expect(producer.engine.event(({ type }) => type === 'cancelled')).resolves.toBeDefined();
});

test('with an idempotency key a hang-up leaves the job alone, and the same request gets the whole stream', async () => {
  const release = Promise.withResolvers<void>();
  await using producer = await TestProducer.start({
    runJob: async (lease) => {
      lease.publish(chatChunk('one'));
      await release.promise;
      lease.publish(chatChunk('two'));
      return chatCompletion('onetwo');
    },
  });
  const keyed = { headers: { 'Idempotency-Key': 'stream-1' } };

  const first = await producer.openai.chat.completions.create(STREAM, keyed);
  for await (const _chunk of first) break;
  release.resolve();
  const second = await collect(await producer.openai.chat.completions.create(STREAM, keyed));

  expect(second.map(({ choices }) => choices[0]?.delta.content)).toEqual(['one', 'two']);
});

test('a streamed request whose chunks are gone is answered from its result, as one chunk', async () => {
  await using producer = await TestProducer.start({
    runJob: (lease) => {
      lease.publish(chatChunk('Hello'));
      return Promise.resolve(chatCompletion('Hello'));
    },
  });
  const keyed = { 'idempotency-key': 'stream-2' };
  const { headers } = await producer.post('/v1/chat/completions', STREAM, keyed);
  const { redis, keys } = producer.engine.connection;
  await redis.del(keys.stream(headers.get('x-job-id') ?? ''));

  const again = await producer.openai.chat.completions.create(STREAM, { headers: keyed });
  const chunks = await collect(again);

  expect(chunks).toMatchObject([
    {
      object: 'chat.completion.chunk',
      choices: [{ delta: { role: 'assistant', content: 'Hello' }, finish_reason: 'stop' }],
    },
  ]);
});

test('a job that is cancelled elsewhere ends the stream of its client with an error', async () => {
  await using producer = await TestProducer.start({
    runJob: async (lease) => {
      lease.publish(chatChunk('first'));
      await aborted(lease.signal);
      return { kind: 'cancelled' };
    },
  });

  const { data: stream, response } = await producer.openai.chat.completions.create(STREAM).withResponse();
  const chunks = stream[Symbol.asyncIterator]();
  await chunks.next();
  await producer.engine.producer.job(response.headers.get('x-job-id') ?? '').cancel();
  const error = await refusalOf(chunks.next());

  expect(error).toMatchObject({ code: 'job_cancelled' });
});

test('a client that reads slowly gets every chunk in order', async () => {
  const texts = Array.from({ length: 2_000 }, (_, index) => `${index} ${'x'.repeat(2_000)}`);
  await using producer = await TestProducer.start({
    runJob: (lease) => {
      for (const text of texts) lease.publish(chatChunk(text));
      return Promise.resolve(chatCompletion('much'));
    },
  });
  const socket = connect(Number(new URL(producer.url).port), '127.0.0.1');
  const body = JSON.stringify(STREAM);
  socket.write(
    `POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Type: application/json\r\n` +
      `Content-Length: ${body.length}\r\n\r\n${body}`,
  );

  socket.pause();
  await producer.engine.event(({ type }) => type === 'completed');
  let answer = '';
  socket.on('data', (data) => (answer += String(data)));
  socket.resume();
  await once(socket, 'end');

  const seen = [...answer.replaceAll(/\r\n[0-9a-f]+\r\n/g, '').matchAll(/"content":"(\d+) /g)].map(([, index]) =>
    Number(index),
  );
  expect(seen).toEqual(texts.map((_, index) => index));
  expect(answer).toContain('data: [DONE]');
});

test('a stream whose first chunks are not kept any more is refused', async () => {
  const release = Promise.withResolvers<void>();
  await using producer = await TestProducer.start({
    runJob: async (lease) => {
      lease.publish(chatChunk('one'));
      await lease.flush();
      lease.publish(chatChunk('two'));
      await lease.flush();
      await release.promise;
      return chatCompletion('onetwo');
    },
  });
  const keyed = { headers: { 'Idempotency-Key': 'stream-3' } };
  const { data: first, response } = await producer.openai.chat.completions.create(STREAM, keyed).withResponse();
  const chunks = first[Symbol.asyncIterator]();
  await chunks.next();
  await chunks.next();
  const { redis, keys } = producer.engine.connection;
  await redis.xtrim(keys.stream(response.headers.get('x-job-id') ?? ''), 'MAXLEN', 1);

  const again = await refusalOf(producer.openai.chat.completions.create(STREAM, keyed));
  release.resolve();

  expect(again).toBeInstanceOf(InternalServerError);
  expect(again).toMatchObject({ status: 502, code: 'stream_interrupted' });
});
