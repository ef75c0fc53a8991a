import { failure } from '@llm-engine/contracts';
import { expect, test } from 'vitest';
import { aborted, modelInfo } from '../support/engine.ts';
import { CHAT, TestProducer, chatCompletion } from '../support/producer.ts';

const JOB = { kind: 'inference', endpoint: '/v1/chat/completions', body: CHAT };

interface WireJob {
  readonly id: string;
  readonly state: string;
}

interface Page {
  readonly data: readonly WireJob[];
  readonly has_more: boolean;
  readonly first_id: string | null;
  readonly last_id: string | null;
}

async function submit(producer: TestProducer, job: Readonly<Record<string, unknown>> = JOB): Promise<WireJob> {
  const { status, body } = await producer.post('/v1/jobs', job);
  expect(status).toBe(202);
  return body as WireJob;
}

async function list(producer: TestProducer, query = ''): Promise<Page> {
  const { status, body } = await producer.get(`/v1/jobs${query}`);
  expect(status).toBe(200);
  return body as Page;
}

test('a submitted job is answered at once with its id, place and settings', async () => {
  await using producer = await TestProducer.start();

  const { status, headers, body } = await producer.post('/v1/jobs', {
    ...JOB,
    priority: 'bulk',
    max_attempts: 5,
    metadata: { team: 'search' },
  });

  expect(status).toBe(202);
  const { id } = body as WireJob;
  expect(headers.get('location')).toBe(`/v1/jobs/${id}`);
  expect(body).toEqual({
    id: expect.stringMatching(/^job_/),
    object: 'job',
    kind: 'inference',
    state: 'queued',
    queue: 'inference.default',
    model: 'm',
    endpoint: '/v1/chat/completions',
    priority: 'bulk',
    metadata: { team: 'search' },
    created_at: expect.closeTo(Date.now() / 1_000, -1),
    scheduled_for: null,
    started_at: null,
    finished_at: null,
    attempts: 0,
    max_attempts: 5,
    usage: null,
    finish_reason: null,
    timings: null,
    error: null,
    attempt_errors: [],
    retry_of: null,
  });
});

test('a finished job has its result, usage and timings; without the result when it is not wanted', async () => {
  await using producer = await TestProducer.start({ runJob: () => Promise.resolve(chatCompletion('Hi')) });
  const { id } = await submit(producer);

  const waited = await producer.get(`/v1/jobs/${id}/wait`);
  const whole = await producer.get(`/v1/jobs/${id}`);
  const bare = await producer.get(`/v1/jobs/${id}?result=false`);

  expect(waited.body).toEqual(whole.body);
  expect(whole.body).toMatchObject({
    state: 'succeeded',
    attempts: 1,
    finish_reason: 'stop',
    usage: { prompt_tokens: 3, completion_tokens: 2, total_tokens: 5 },
    timings: { wait_ms: expect.any(Number), run_ms: expect.any(Number), first_chunk_ms: null },
    result: { choices: [{ message: { content: 'Hi' } }] },
  });
  expect(bare.body).toEqual({ ...(whole.body as WireJob), result: undefined });
});

test('waiting ends with the job as it stands when the time is up', async () => {
  await using producer = await TestProducer.start();
  const { id } = await submit(producer);

  const { status, body } = await producer.get(`/v1/jobs/${id}/wait?timeout_ms=20`);

  expect(status).toBe(200);
  expect(body).toMatchObject({ id, state: 'queued' });
});

test('a job may be for later', async () => {
  await using producer = await TestProducer.start();

  const job = await submit(producer, { ...JOB, delay_ms: 3_600_000 });

  expect(job).toMatchObject({ state: 'scheduled', scheduled_for: expect.closeTo(Date.now() / 1_000 + 3_600, -1) });
});

test('many jobs are submitted at once, in order', async () => {
  await using producer = await TestProducer.start();
  const jobs = Array.from({ length: 1_000 }, (_, index) => ({ ...JOB, metadata: { index: String(index) } }));

  const { status, body } = await producer.post('/v1/jobs', { jobs });

  expect(status).toBe(202);
  const { data } = body as Page;
  expect(new Set(data.map(({ id }) => id)).size).toBe(1_000);
  const last = await producer.get(`/v1/jobs/${data.at(-1)?.id}`);
  expect(last.body).toMatchObject({ object: 'job', state: 'queued', metadata: { index: '999' } });
});

test('the same key with the same payload is the same job, in the header and in the body, one and many', async () => {
  await using producer = await TestProducer.start();

  const one = await producer.post('/v1/jobs', JOB, { 'idempotency-key': 'k' });
  const same = await producer.post('/v1/jobs', { ...JOB, idempotency_key: 'k' });
  const many = await producer.post('/v1/jobs', { jobs: [{ ...JOB, idempotency_key: 'k' }] });

  const { id } = one.body as WireJob;
  expect(same.body).toMatchObject({ id });
  expect(many.body).toMatchObject({ data: [{ id, object: 'job' }] });
});

test('a fine-tune is a job too', async () => {
  await using producer = await TestProducer.start({ models: [modelInfo('base')] });

  const job = await submit(producer, {
    kind: 'fine-tune',
    model: 'base',
    dataset: '/data/train.jsonl',
    validation_dataset: '/data/valid.jsonl',
    output: '/models/mine',
    hyperparameters: { n_epochs: 3 },
  });

  expect(job).toMatchObject({ kind: 'fine-tune', queue: 'fine-tune', model: 'base', endpoint: null, state: 'queued' });
});

test('the first job of a queue is found at once, by its producer and by another', async () => {
  await using producer = await TestProducer.start({ models: [modelInfo('m'), modelInfo('n', { pool: 'new' })] });
  const other = producer.engine.producer;
  const first = await submit(producer);
  await other.job(first.id).status();

  const { id } = await submit(producer, { ...JOB, body: { ...CHAT, model: 'n' } });

  await expect(producer.get(`/v1/jobs/${id}`)).resolves.toMatchObject({ body: { queue: 'inference.new' } });
  await expect(other.job(id).status()).resolves.toMatchObject({ queue: 'inference.new' });
});

test('jobs are listed newest first, page by page, with ids for cursors', async () => {
  await using producer = await TestProducer.start();
  const ids: string[] = [];
  for (let index = 0; index < 5; index += 1) ids.unshift((await submit(producer)).id);

  const first = await list(producer, '?limit=2');
  const second = await list(producer, `?limit=2&after=${first.last_id}`);
  const third = await list(producer, `?limit=2&after=${second.last_id}`);

  expect([first, second, third].flatMap(({ data }) => data.map(({ id }) => id))).toEqual(ids);
  expect([first, second, third].map(({ has_more }) => has_more)).toEqual([true, true, false]);
  expect(first).toMatchObject({ object: 'list', first_id: ids[0], last_id: ids[1] });
});

test('a list of nothing is empty and ends there', async () => {
  await using producer = await TestProducer.start();

  await expect(list(producer)).resolves.toEqual({
    object: 'list',
    data: [],
    has_more: false,
    first_id: null,
    last_id: null,
  });
});

test('a list can be narrowed by state, kind, queue and model', async () => {
  await using producer = await TestProducer.start({ models: [modelInfo('m'), modelInfo('n', { pool: 'slow' })] });
  const queued = await submit(producer);
  const scheduled = await submit(producer, { ...JOB, delay_ms: 3_600_000 });
  const slow = await submit(producer, { ...JOB, body: { ...CHAT, model: 'n' } });
  const tune = await submit(producer, { kind: 'fine-tune', model: 'm', dataset: '/data' });
  const ids = async (query: string) => (await list(producer, query)).data.map(({ id }) => id);

  await expect(ids('?state=scheduled')).resolves.toEqual([scheduled.id]);
  await expect(ids('?kind=fine-tune')).resolves.toEqual([tune.id]);
  await expect(ids('?queue=inference.slow')).resolves.toEqual([slow.id]);
  await expect(ids('?model=m&kind=inference')).resolves.toEqual([scheduled.id, queued.id]);
});

test('a waiting job is cancelled at once', async () => {
  await using producer = await TestProducer.start();
  const { id } = await submit(producer);

  const cancelled = await producer.post(`/v1/jobs/${id}/cancel`);
  const after = await producer.get(`/v1/jobs/${id}`);

  expect(cancelled.status).toBe(200);
  expect(cancelled.body).toMatchObject({ id, state: 'cancelled' });
  expect(after.body).toEqual(cancelled.body);
});

test('a running job is stopped by its cancellation', async () => {
  await using producer = await TestProducer.start({
    runJob: async ({ signal }) => {
      await aborted(signal);
      return { kind: 'cancelled' };
    },
  });
  const { id } = await submit(producer);
  await producer.engine.event(({ type }) => type === 'started');

  const { body } = await producer.post(`/v1/jobs/${id}/cancel`, '{}');

  expect(body).toMatchObject({ id, state: 'cancelled' });
  await expect(producer.engine.event(({ type }) => type === 'cancelled')).resolves.toMatchObject({ jobId: id });
});

test('a failed job shows each attempt, and is tried again as a new job', async () => {
  let runs = 0;
  await using producer = await TestProducer.start({
    runJob: () => {
      runs += 1;
      const error = failure('overloaded', `Busy ${runs}.`);
      return Promise.resolve(runs <= 2 ? { kind: 'failed', failure: error } : chatCompletion('Hi'));
    },
  });
  const { id } = await submit(producer, { ...JOB, max_attempts: 2 });

  const failed = await producer.get(`/v1/jobs/${id}/wait`);
  const retried = await producer.post(`/v1/jobs/${id}/retry`);
  const again = retried.body as WireJob;
  const ended = await producer.get(`/v1/jobs/${again.id}/wait`);

  expect(failed.body).toMatchObject({
    state: 'failed',
    attempts: 2,
    error: { class: 'overloaded', status: 503, message: 'Busy 2.' },
    attempt_errors: [
      { attempt: 1, error: { message: 'Busy 1.' } },
      { attempt: 2, error: { message: 'Busy 2.' } },
    ],
  });
  expect(retried.status).toBe(202);
  expect(retried.headers.get('location')).toBe(`/v1/jobs/${again.id}`);
  expect(ended.body).toMatchObject({ state: 'succeeded', retry_of: id });
});

test('all dead letters that match are tried again', async () => {
  let broken = true;
  await using producer = await TestProducer.start({
    models: [modelInfo('m'), modelInfo('n')],
    runJob: () =>
      Promise.resolve(broken ? { kind: 'failed', failure: failure('bad_request', 'No.') } : chatCompletion('Hi')),
  });
  const bodies = [CHAT, CHAT, { ...CHAT, model: 'n' }];
  const { body } = await producer.post('/v1/jobs', { jobs: bodies.map((chat) => ({ ...JOB, body: chat })) });
  for (const { id } of (body as Page).data) await producer.get(`/v1/jobs/${id}/wait`);
  broken = false;

  const some = await producer.post('/v1/dead-letters/retry', { model: 'n' });
  const rest = await producer.post('/v1/dead-letters/retry');

  expect(some.body).toEqual({ object: 'dead_letters.retry', retried: 1 });
  expect(rest.body).toEqual({ object: 'dead_letters.retry', retried: 2 });
});
