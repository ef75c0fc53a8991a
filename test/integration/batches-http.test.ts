import type { OpenAIBatch, OpenAIFile } from '@llm-engine/contracts';
import { BatchTable, Database } from '@llm-engine/storage';
import { expect, test } from 'vitest';
import { uploadParts } from '../support/multipart.ts';
import { TestProducer } from '../support/producer.ts';
import { TestStorage } from '../support/storage.ts';

const LINE = JSON.stringify({
  custom_id: 'a',
  method: 'POST',
  url: '/v1/chat/completions',
  body: { model: 'm', messages: [{ role: 'user', content: 'Hello' }] },
});
const REQUEST = { endpoint: '/v1/chat/completions', completion_window: '24h' };
const NO_BATCH = 'batch_0mabcdef0000123456789abcdef0';

/** A producer without a worker: batches stay at `validating`. */
async function scene(options: { readonly maxBatchInputBytes?: number } = {}) {
  await using starting = new AsyncDisposableStack();
  const storage = starting.use(await TestStorage.create());
  const producer = starting.use(await TestProducer.start({ storage: storage.settings, ...options }));
  const upload = async (purpose = 'batch'): Promise<string> => {
    const { body } = await uploadParts(producer, [
      ['file', `${LINE}\n`, 'input.jsonl'],
      ['purpose', purpose],
    ]);
    return (body as OpenAIFile).id;
  };
  const create = async (request: object = {}): Promise<OpenAIBatch> => {
    const answer = await producer.post('/v1/batches', { input_file_id: await upload(), ...REQUEST, ...request });
    expect(answer.status).toBe(200);
    return answer.body as OpenAIBatch;
  };
  const resources = starting.move();
  return { storage, producer, upload, create, [Symbol.asyncDispose]: () => resources.disposeAsync() };
}

test('a new batch has every field from the beginning', async () => {
  await using at = await scene();

  const batch = await at.create({
    completion_window: '90m',
    metadata: { team: 'a' },
    priority: 'standard',
    output_expires_after: { anchor: 'created_at', seconds: 3_600 },
  });
  const shown = await at.producer.get(`/v1/batches/${batch.id}`);

  expect(batch).toEqual({
    id: expect.stringMatching(/^batch_/),
    object: 'batch',
    endpoint: '/v1/chat/completions',
    model: null,
    errors: null,
    input_file_id: expect.stringMatching(/^file-/),
    completion_window: '90m',
    status: 'validating',
    output_file_id: null,
    error_file_id: null,
    created_at: expect.any(Number),
    in_progress_at: null,
    expires_at: batch.created_at + 90 * 60,
    finalizing_at: null,
    completed_at: null,
    failed_at: null,
    expired_at: null,
    cancelling_at: null,
    cancelled_at: null,
    request_counts: { total: 0, completed: 0, failed: 0 },
    usage: {
      input_tokens: 0,
      input_tokens_details: { cached_tokens: 0 },
      output_tokens: 0,
      output_tokens_details: { reasoning_tokens: 0 },
      total_tokens: 0,
    },
    metadata: { team: 'a' },
    priority: 'standard',
    paused_at: null,
    retry_of: null,
  });
  expect(shown.body).toEqual(batch);
});

test.each([
  ['an endpoint that there is not', { endpoint: '/v1/images' }, 'endpoint'],
  ['no endpoint', { endpoint: undefined }, 'endpoint'],
  ['a window that is none', { completion_window: 'soon' }, 'completion_window'],
  ['a window that is too long', { completion_window: '31d' }, 'completion_window'],
  ['no file', { input_file_id: undefined }, 'input_file_id'],
  ['metadata that is not text', { metadata: { a: 1 } }, 'metadata.a'],
  ['too much metadata', { metadata: Object.fromEntries(Array.from({ length: 17 }, (_, i) => [i, 'x'])) }, 'metadata'],
  ['a priority that there is not', { priority: 'urgent' }, 'priority'],
  [
    'an expiry that is too soon',
    { output_expires_after: { anchor: 'created_at', seconds: 1 } },
    'output_expires_after.seconds',
  ],
  ['a field that there is not', { title: 'Mine' }, null],
])('a batch with %s is refused, and there is none', async (_what, change, param) => {
  await using at = await scene();

  const answer = await at.producer.post('/v1/batches', { input_file_id: await at.upload(), ...REQUEST, ...change });
  const list = await at.producer.get('/v1/batches');

  expect(answer.status).toBe(400);
  expect(answer.body).toMatchObject({ error: { code: 'invalid_request', type: 'invalid_request_error', param } });
  expect(list.body).toMatchObject({ data: [], has_more: false, first_id: null, last_id: null });
});

test.each([
  ['no body', undefined, 400, 'invalid_request'],
  ['an array', '[]', 400, 'invalid_request'],
  ['JSON that is none', '{"endpoint":', 400, 'invalid_json'],
])('%s instead of a batch is refused', async (_what, body, status, code) => {
  await using at = await scene();

  const answer = await at.producer.post('/v1/batches', body);

  expect(answer.status).toBe(status);
  expect(answer.body).toMatchObject({ error: { code } });
});

test('the input of a batch is a file that is there, is meant for it, and is not too large', async () => {
  await using at = await scene({ maxBatchInputBytes: LINE.length });

  const missing = await at.producer.post('/v1/batches', { ...REQUEST, input_file_id: 'file-1' });
  const impossible = await at.producer.post('/v1/batches', { ...REQUEST, input_file_id: 'file-\0' });
  const other = await at.producer.post('/v1/batches', { ...REQUEST, input_file_id: await at.upload('evals') });
  const large = await at.producer.post('/v1/batches', { ...REQUEST, input_file_id: await at.upload() });

  expect(missing).toMatchObject({ status: 404, body: { error: { code: 'file_not_found' } } });
  expect(impossible).toMatchObject({ status: 404, body: { error: { code: 'file_not_found' } } });
  expect(other).toMatchObject({
    status: 400,
    body: { error: { code: 'invalid_request', param: 'input_file_id', message: expect.stringContaining("'evals'") } },
  });
  expect(large).toMatchObject({ status: 413, body: { error: { code: 'file_too_large' } } });
});

test('the same request with the same key is the same batch, another one is a conflict', async () => {
  await using at = await scene();
  const request = { input_file_id: await at.upload(), ...REQUEST };
  const create = (change: object, key: string) =>
    at.producer.post('/v1/batches', { ...request, ...change }, { 'Idempotency-Key': key });

  const [first, second] = await Promise.all([create({}, 'order-1'), create({}, 'order-1')]);
  const other = await create({ completion_window: '1h' }, 'order-1');
  const unusable = await create({}, 'x'.repeat(256));
  const list = await at.producer.get('/v1/batches');

  expect([first.status, second.status]).toEqual([200, 200]);
  expect((second.body as OpenAIBatch).id).toBe((first.body as OpenAIBatch).id);
  expect(other).toMatchObject({ status: 409, body: { error: { code: 'idempotency_conflict' } } });
  expect(other.headers.get('x-should-retry')).toBe('false');
  expect(unusable).toMatchObject({ status: 400, body: { error: { param: 'Idempotency-Key' } } });
  expect((list.body as { data: unknown[] }).data).toHaveLength(1);
});

test('who asks again with the same key gets the same batch, also when its input is gone by then', async () => {
  await using at = await scene();
  const request = { input_file_id: await at.upload(), ...REQUEST };
  const create = () => at.producer.post('/v1/batches', request, { 'Idempotency-Key': 'order-1' });
  const first = await create();
  const { id } = first.body as OpenAIBatch;
  await using database = await Database.open({ url: at.storage.settings.databaseUrl });
  await new BatchTable(database).fail(id, { errors: [], total: 1 }, new Date());
  await at.producer.request(`/v1/files/${request.input_file_id}`, { method: 'DELETE' });

  const again = await create();

  expect(again).toMatchObject({ status: 200, body: { id, status: 'failed' } });
});

test('batches are listed newest first, page by page', async () => {
  await using at = await scene();
  const [first, second, third] = [(await at.create()).id, (await at.create()).id, (await at.create()).id];

  const page = await at.producer.get('/v1/batches?limit=2');
  const next = await at.producer.get(`/v1/batches?limit=2&after=${second}`);

  expect(page.body).toMatchObject({ object: 'list', has_more: true, first_id: third, last_id: second });
  expect(next.body).toMatchObject({ data: [{ id: first }], has_more: false, first_id: first, last_id: first });
});

test.each([
  ['?after=file-1', 'after'],
  ['?limit=0', 'limit'],
  ['?limit=101', 'limit'],
  ['?limit=many', 'limit'],
  ['?status=failed', null],
])('a list of batches that cannot be had (%s) says what is wrong', async (query, param) => {
  await using at = await scene();

  const { status, body } = await at.producer.get(`/v1/batches${query}`);

  expect(status).toBe(400);
  expect(body).toMatchObject({ error: { code: 'invalid_request', param } });
});

test.each([
  ['that there is not', NO_BATCH],
  ['whose id no database takes', 'batch_%00'],
])('a batch %s can be neither seen nor changed', async (_what, id) => {
  await using at = await scene();

  const answers = await Promise.all([
    at.producer.get(`/v1/batches/${id}`),
    at.producer.get(`/v1/batches/${id}/output`),
    ...['cancel', 'pause', 'resume', 'retry'].map((act) => at.producer.post(`/v1/batches/${id}/${act}`)),
  ]);

  for (const answer of answers) {
    expect(answer).toMatchObject({ status: 404, body: { error: { code: 'batch_not_found' } } });
  }
});

test('a batch is paused, resumed and cancelled, with or without an empty body', async () => {
  await using at = await scene();
  const { id } = await at.create();
  const act = (what: string, headers = {}) =>
    at.producer.request(`/v1/batches/${id}/${what}`, { method: 'POST', headers });

  const paused = await act('pause');
  const resumed = await act('resume', { 'content-type': 'application/json' });
  const retried = await act('retry');
  const cancelled = await act('cancel');
  const again = await act('cancel');
  const late = await act('pause');

  expect(paused.body).toMatchObject({ id, status: 'validating', paused_at: expect.any(Number) });
  expect(resumed.body).toMatchObject({ id, paused_at: null });
  expect(retried).toMatchObject({ status: 409, body: { error: { code: 'batch_not_finished' } } });
  expect(cancelled.body).toMatchObject({ id, status: 'cancelling', cancelling_at: expect.any(Number) });
  expect(again).toMatchObject({ status: 200, body: { status: 'cancelling' } });
  expect(late).toMatchObject({ status: 409, body: { error: { code: 'batch_already_finished' } } });
});

test('the output of a batch of which nothing has run is empty', async () => {
  await using at = await scene();
  const { id } = await at.create();

  const output = await at.producer.get(`/v1/batches/${id}/output`);

  expect(output).toMatchObject({ status: 200, body: '' });
  expect(output.headers.get('content-type')).toBe('application/x-ndjson');
});
