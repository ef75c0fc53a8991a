import { failure } from '@llm-engine/contracts';
import { describe, expect, test } from 'vitest';
import { aborted, modelInfo } from '../support/engine.ts';
import { CHAT, TestProducer, chatCompletion, refusalOf } from '../support/producer.ts';

const JOB = { kind: 'inference', endpoint: '/v1/chat/completions', body: CHAT };
const NO_JOB = 'job_0mabcdef0000123456789abcdef0';

describe('bad input is answered in the shape of OpenAI, with a stable code, and never as a 500', () => {
  test.each([
    ['invalid JSON', '/v1/chat/completions', '{"model":', 400, 'invalid_json', null],
    ['no body', '/v1/chat/completions', undefined, 400, 'invalid_request', null],
    ['an array for a body', '/v1/chat/completions', '[]', 400, 'invalid_request', null],
    ['null for a body', '/v1/completions', 'null', 400, 'invalid_request', null],
    ['no model', '/v1/chat/completions', { messages: CHAT.messages }, 400, 'invalid_request', 'model'],
    ['a number for a model', '/v1/chat/completions', { ...CHAT, model: 7 }, 400, 'invalid_request', 'model'],
    ['no messages', '/v1/chat/completions', { model: 'm', messages: [] }, 400, 'invalid_request', 'messages'],
    ['a text for messages', '/v1/chat/completions', { model: 'm', messages: 'Hi' }, 400, 'invalid_request', 'messages'],
    ['a text for stream', '/v1/chat/completions', { ...CHAT, stream: 'yes' }, 400, 'invalid_request', 'stream'],
    ['an unknown model', '/v1/chat/completions', { ...CHAT, model: 'gpt-none' }, 404, 'model_not_found', 'model'],
    [
      'an unknown model to stream',
      '/v1/chat/completions',
      { ...CHAT, model: 'x', stream: true },
      404,
      'model_not_found',
      'model',
    ],
    [
      'a model named like a prototype',
      '/v1/chat/completions',
      { ...CHAT, model: '__proto__' },
      404,
      'model_not_found',
      'model',
    ],
    ['an object for a prompt', '/v1/completions', { model: 'm', prompt: {} }, 400, 'invalid_request', 'prompt'],
    ['no input', '/v1/embeddings', { model: 'm' }, 400, 'invalid_request', 'input'],
    [
      'an unknown encoding',
      '/v1/embeddings',
      { model: 'm', input: 'x', encoding_format: 'hex' },
      400,
      'invalid_request',
      'encoding_format',
    ],
    [
      'a body over the limit',
      '/v1/chat/completions',
      { ...CHAT, user: 'x'.repeat(4_000) },
      413,
      'request_too_large',
      null,
    ],
    ['a job that is none', '/v1/jobs', '"job"', 400, 'invalid_request', null],
    ['a job of an unknown kind', '/v1/jobs', { kind: 'training' }, 400, 'invalid_request', 'kind'],
    [
      'a job for an unknown endpoint',
      '/v1/jobs',
      { ...JOB, endpoint: '/v1/images' },
      400,
      'invalid_request',
      'endpoint',
    ],
    ['a job with a bad body', '/v1/jobs', { ...JOB, body: { model: 'm' } }, 400, 'invalid_request', 'body.messages'],
    ['a negative delay', '/v1/jobs', { ...JOB, delay_ms: -1 }, 400, 'invalid_request', 'delay_ms'],
    ['an endless delay', '/v1/jobs', { ...JOB, delay_ms: 1e15 }, 400, 'invalid_request', 'delay_ms'],
    ['a timeout that is no number', '/v1/jobs', { ...JOB, timeout_ms: '1s' }, 400, 'invalid_request', 'timeout_ms'],
    ['no attempt at all', '/v1/jobs', { ...JOB, max_attempts: 0 }, 400, 'invalid_request', 'max_attempts'],
    ['an unknown priority', '/v1/jobs', { ...JOB, priority: 'urgent' }, 400, 'invalid_request', 'priority'],
    ['metadata that is not text', '/v1/jobs', { ...JOB, metadata: { a: 1 } }, 400, 'invalid_request', 'metadata.a'],
    ['an unknown field', '/v1/jobs', { ...JOB, delay: 5 }, 400, 'invalid_request', null],
    ['a field under its name in Node', '/v1/jobs', { ...JOB, delayMs: 5 }, 400, 'invalid_request', 'delayMs'],
    [
      'a job for an unknown model',
      '/v1/jobs',
      { ...JOB, body: { ...CHAT, model: 'x' } },
      404,
      'model_not_found',
      'model',
    ],
    ['many jobs that are none', '/v1/jobs', { jobs: 'all' }, 400, 'invalid_request', 'jobs'],
    ['no jobs', '/v1/jobs', { jobs: [] }, 400, 'invalid_request', 'jobs'],
    ['too many jobs', '/v1/jobs', { jobs: Array.from({ length: 1_001 }, () => 0) }, 400, 'invalid_request', 'jobs'],
    ['a field beside many jobs', '/v1/jobs', { jobs: [JOB], priority: 'bulk' }, 400, 'invalid_request', 'priority'],
    [
      'one bad job among many',
      '/v1/jobs',
      { jobs: [JOB, { ...JOB, delay_ms: -1 }] },
      400,
      'invalid_request',
      'delay_ms',
    ],
    ['cancel of an unknown job', `/v1/jobs/${NO_JOB}/cancel`, undefined, 404, 'job_not_found', 'id'],
    ['retry of an unknown job', `/v1/jobs/${NO_JOB}/retry`, undefined, 404, 'job_not_found', 'id'],
    [
      'a retry of all with an unknown filter',
      '/v1/dead-letters/retry',
      { state: 'failed' },
      400,
      'invalid_request',
      null,
    ],
  ] as const)('%s', async (_name, path, body, status, code, param) => {
    await using producer = await TestProducer.start({ bodyLimit: 3_500 });

    const answer = await producer.post(path, body);

    expect(answer.status).toBe(status);
    expect(answer.body).toEqual({
      error: { message: expect.any(String), type: 'invalid_request_error', param, code },
    });
  });

  test.each([
    ['an unknown job id', `/v1/jobs/${NO_JOB}`, 404, 'job_not_found'],
    ['a job id that is none', '/v1/jobs/1234', 404, 'job_not_found'],
    ['a job id with the keys of others', '/v1/jobs/..%2F..%2F*', 404, 'job_not_found'],
    ['the stream of an unknown job', `/v1/jobs/${NO_JOB}/stream`, 404, 'job_not_found'],
    ['waiting for an unknown job', `/v1/jobs/${NO_JOB}/wait`, 404, 'job_not_found'],
    ['a wait that is too long', `/v1/jobs/${NO_JOB}/wait?timeout_ms=1e9`, 400, 'invalid_request'],
    ['an unknown model', '/v1/models/gpt-none', 404, 'model_not_found'],
    ['a page of nothing', '/v1/jobs?limit=0', 400, 'invalid_request'],
    ['a page that is too large', '/v1/jobs?limit=101', 400, 'invalid_request'],
    ['a limit that is no number', '/v1/jobs?limit=many', 400, 'invalid_request'],
    ['a cursor that is no job id', '/v1/jobs?after=2', 400, 'invalid_request'],
    ['an unknown state', '/v1/jobs?state=done', 400, 'invalid_request'],
    ['a state that is given twice', '/v1/jobs?state=failed&state=queued', 400, 'invalid_request'],
    ['an unknown filter', '/v1/jobs?status=failed', 400, 'invalid_request'],
    ['an unknown route', '/v1/chats', 404, 'route_not_found'],
    ['a route asked with the wrong method', '/v1/chat/completions', 405, 'method_not_allowed'],
    ['a path that cannot be decoded', '/v1/jobs/%ff', 400, 'invalid_request'],
  ])('%s', async (_name, path, status, code) => {
    await using producer = await TestProducer.start();

    const answer = await producer.get(path);

    expect(answer.status).toBe(status);
    expect(answer.body).toMatchObject({ error: { type: 'invalid_request_error', code } });
  });

  test.each([
    ['an empty idempotency key', { 'idempotency-key': '' }, 'Idempotency-Key'],
    ['a long idempotency key', { 'idempotency-key': 'x'.repeat(256) }, 'Idempotency-Key'],
    ['an unknown priority', { 'x-priority': 'urgent' }, 'X-Priority'],
  ])('%s in a header', async (_name, headers, param) => {
    await using producer = await TestProducer.start();

    const answer = await producer.post('/v1/chat/completions', CHAT, headers);

    expect(answer.status).toBe(400);
    expect(answer.body).toMatchObject({ error: { code: 'invalid_request', param } });
  });

  test('a body that is not JSON by its type', async () => {
    await using producer = await TestProducer.start();

    const answer = await producer.post('/v1/chat/completions', 'model=m', { 'content-type': 'text/plain' });

    expect(answer.status).toBe(415);
    expect(answer.body).toMatchObject({ error: { code: 'unsupported_media_type' } });
  });

  test('an idempotency key that is used again with another payload', async () => {
    await using producer = await TestProducer.start();
    const key = { 'idempotency-key': 'once' };
    await producer.post('/v1/jobs', JOB, key);

    const answer = await producer.post('/v1/jobs', { ...JOB, body: { ...CHAT, seed: 1 } }, key);

    expect(answer.status).toBe(409);
    expect(answer.headers.get('x-should-retry')).toBe('false');
    expect(answer.body).toMatchObject({ error: { code: 'idempotency_conflict' } });
  });

  test('a key in the header and another in the body', async () => {
    await using producer = await TestProducer.start();

    const answer = await producer.post('/v1/jobs', { ...JOB, idempotency_key: 'a' }, { 'idempotency-key': 'b' });

    expect(answer.status).toBe(400);
    expect(answer.body).toMatchObject({ error: { code: 'invalid_request', param: 'idempotency_key' } });
  });

  test('one key for many jobs', async () => {
    await using producer = await TestProducer.start();

    const answer = await producer.post('/v1/jobs', { jobs: [JOB, JOB] }, { 'idempotency-key': 'a' });

    expect(answer.status).toBe(400);
    expect(answer.body).toMatchObject({ error: { code: 'invalid_request', param: 'Idempotency-Key' } });
  });

  test('cancel and retry of a job that has finished', async () => {
    await using producer = await TestProducer.start({ runJob: () => Promise.resolve(chatCompletion('Hi')) });
    const submitted = await producer.post('/v1/jobs', JOB);
    const { id } = submitted.body as { id: string };
    await producer.engine.producer.job(id).result();

    const cancel = await producer.post(`/v1/jobs/${id}/cancel`);
    const retry = await producer.post(`/v1/jobs/${id}/retry`);

    expect(cancel.status).toBe(409);
    expect(cancel.body).toMatchObject({ error: { code: 'job_already_finished', param: 'id' } });
    expect(retry.status).toBe(409);
    expect(retry.body).toMatchObject({ error: { code: 'job_not_retryable', param: 'id' } });
  });

  test('a fine-tune of a model that cannot be trained', async () => {
    await using producer = await TestProducer.start({ models: [modelInfo('fixed', { trainable: false })] });

    const answer = await producer.post('/v1/jobs', { kind: 'fine-tune', model: 'fixed', dataset: '/data/train.jsonl' });

    expect(answer.status).toBe(400);
    expect(answer.body).toMatchObject({ error: { code: 'invalid_request', param: 'model' } });
  });
});

test('a bad job among many keeps all of them out', async () => {
  await using producer = await TestProducer.start();

  await producer.post('/v1/jobs', { jobs: [JOB, { ...JOB, delay_ms: -1 }] });
  const { body } = await producer.get('/v1/jobs');

  expect(body).toMatchObject({ data: [] });
});

test('a synchronous request whose job takes too long is answered with 504, and the job is cancelled', async () => {
  await using producer = await TestProducer.start({
    syncTimeoutMs: 50,
    runJob: async ({ signal }) => {
      await aborted(signal);
      return { kind: 'cancelled' };
    },
  });

  const answer = await producer.post('/v1/chat/completions', CHAT);

  expect(answer.status).toBe(504);
  expect(answer.headers.get('x-should-retry')).toBe('false');
  expect(answer.body).toMatchObject({ error: { type: 'server_error', code: 'wait_timeout' } });
  const job = producer.engine.producer.job(answer.headers.get('x-job-id') ?? '');
  await expect(job.status()).resolves.toMatchObject({ state: 'cancelled' });
});

test('with an idempotency key the job goes on after a timeout, and the same request gets its answer', async () => {
  const release = Promise.withResolvers<void>();
  await using producer = await TestProducer.start({
    syncTimeoutMs: 200,
    runJob: async () => {
      await release.promise;
      return chatCompletion('Late');
    },
  });
  const key = { 'idempotency-key': 'patient' };

  const first = await producer.post('/v1/chat/completions', CHAT, key);
  release.resolve();
  await producer.engine.event(({ type }) => type === 'completed');
  const second = await producer.post('/v1/chat/completions', CHAT, key);

  expect(first.status).toBe(504);
  expect(second.status).toBe(200);
  expect(second.body).toMatchObject({ choices: [{ message: { content: 'Late' } }] });
});

test('a client that hangs up while it waits cancels its job', async () => {
  await using producer = await TestProducer.start({
    runJob: async ({ signal }) => {
      await aborted(signal);
      return { kind: 'cancelled' };
    },
  });
  const client = new AbortController();

  const call = producer.openai.chat.completions.create(CHAT, { signal: client.signal });
  const hungUp = refusalOf(call);
  await producer.engine.event(({ type }) => type === 'started');
  client.abort();
  await hungUp;

  await expect(producer.engine.event(({ type }) => type === 'cancelled')).resolves.toBeDefined();
});

test('a job that somebody else cancels is told to the client that waits for it', async () => {
  await using producer = await TestProducer.start({
    runJob: async ({ signal }) => {
      await aborted(signal);
      return { kind: 'cancelled' };
    },
  });

  const asked = producer.post('/v1/chat/completions', CHAT);
  const started = await producer.engine.event(({ type }) => type === 'started');
  await producer.engine.producer.job('jobId' in started ? started.jobId : '').cancel();
  const answer = await asked;

  expect(answer.status).toBe(409);
  expect(answer.body).toMatchObject({ error: { code: 'job_cancelled' } });
});

test('a job that fails for good is answered with the id under which its attempts can be looked at', async () => {
  await using producer = await TestProducer.start({
    runJob: () => Promise.resolve({ kind: 'failed', failure: failure('overloaded', 'Busy.', { retryAfterMs: 5 }) }),
  });

  const answer = await producer.post('/v1/chat/completions', CHAT);
  const { body: job } = await producer.get(`/v1/jobs/${answer.headers.get('x-job-id')}`);

  expect(answer.status).toBe(503);
  expect(answer.headers.get('retry-after')).toBe('1');
  expect(job).toMatchObject({ state: 'failed', attempts: 3, error: { class: 'overloaded' } });
});

test('requests are interactive unless they say otherwise', async () => {
  await using producer = await TestProducer.start({ runJob: () => Promise.resolve(chatCompletion('Hi')) });

  const first = await producer.post('/v1/chat/completions', CHAT);
  const second = await producer.post('/v1/chat/completions', CHAT, { 'x-priority': 'bulk' });

  const jobs = [first, second].map(({ headers }) => producer.engine.producer.job(headers.get('x-job-id') ?? ''));
  const [one, other] = await Promise.all(jobs.map((job) => job.status()));
  expect([one?.priority, other?.priority]).toEqual(['interactive', 'bulk']);
});
