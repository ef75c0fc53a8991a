import { createReadStream } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createExecutors, parseEngineConfig } from '@llm-engine/executors';
import { BadRequestError, ConflictError, NotFoundError, toFile, toStreamingFile } from 'openai';
import type { Uploadable } from 'openai';
import type { BatchCreateParams } from 'openai/resources/batches';
import { expect, test } from 'vitest';
import { TestProducer, collect, refusalOf } from '../support/producer.ts';
import { TestStorage } from '../support/storage.ts';
import { workerOf } from '../support/worker.ts';

const REQUEST = { endpoint: '/v1/chat/completions', completion_window: '24h' } as const;

function line(id: string, model = 'mock'): string {
  const body = { model, messages: [{ role: 'user', content: `Hello ${id}` }] };
  return JSON.stringify({ custom_id: id, method: 'POST', url: '/v1/chat/completions', body });
}

async function scene() {
  await using starting = new AsyncDisposableStack();
  const storage = starting.use(await TestStorage.create());
  const producer = starting.use(await TestProducer.start({ storage: storage.settings }));
  const { openai } = producer;
  const upload = (text: string) => openai.files.create({ file: new File([text], 'input.jsonl'), purpose: 'batch' });
  const createBatch = async (request: Partial<BatchCreateParams> = {}) => {
    const { id } = await upload(line('a'));
    return openai.batches.create({ input_file_id: id, ...REQUEST, ...request });
  };
  const resources = starting.move();
  return { storage, producer, openai, upload, createBatch, [Symbol.asyncDispose]: () => resources.disposeAsync() };
}

test('a file is uploaded from a stream, a buffer, and an async iterable', async () => {
  await using at = await scene();
  await using folder = {
    path: await mkdtemp(join(tmpdir(), 'llm-engine-upload-')),
    [Symbol.asyncDispose]: () => rm(folder.path, { recursive: true }),
  };
  const path = join(folder.path, 'from-disk.jsonl');
  await writeFile(path, 'from a stream\n');
  async function* parts() {
    yield Buffer.from('from an ');
    yield Buffer.from('iterable\n');
  }
  const create = (file: Uploadable, purpose: 'batch' | 'evals' = 'batch') => at.openai.files.create({ file, purpose });

  const files = [
    await create(createReadStream(path)),
    await create(await toFile(Buffer.from('from a buffer\n'), 'b.jsonl'), 'evals'),
    await create(await toFile(parts(), 'c.jsonl')),
    await create(toStreamingFile(parts(), 'd.jsonl')),
    await create(parts()),
  ];
  const texts = await Promise.all(files.map(async ({ id }) => (await at.openai.files.content(id)).text()));

  const fromParts = 'from an iterable\n';
  expect(texts).toEqual(['from a stream\n', 'from a buffer\n', fromParts, fromParts, fromParts]);
  expect(files.map(({ filename, purpose, bytes }) => [filename, purpose, bytes])).toEqual([
    ['from-disk.jsonl', 'batch', 14],
    ['b.jsonl', 'evals', 14],
    ['c.jsonl', 'batch', 17],
    ['d.jsonl', 'batch', 17],
    ['unknown_file', 'batch', 17],
  ]);
});

test('a file has the expiry that was asked for', async () => {
  await using at = await scene();

  const file = await at.openai.files.create({
    file: new File(['a'], 'a.jsonl'),
    purpose: 'batch',
    expires_after: { anchor: 'created_at', seconds: 7_200 },
  });

  expect(file.expires_at).toBe(file.created_at + 7_200);
});

test('a file is found, is processed at once, and is deleted', async () => {
  await using at = await scene();
  const { id } = await at.upload('text\n');

  const found = await at.openai.files.retrieve(id);
  const processed = await at.openai.files.waitForProcessing(id);
  const deleted = await at.openai.files.delete(id);
  const gone = await refusalOf(at.openai.files.retrieve(id));

  expect(processed).toEqual(found);
  expect(processed.status).toBe('processed');
  expect(deleted).toEqual({ id, object: 'file', deleted: true });
  expect(gone).toBeInstanceOf(NotFoundError);
  expect(gone).toMatchObject({ code: 'file_not_found', param: 'id' });
});

test('lists of files and of batches are read to their end, page by page', async () => {
  await using at = await scene();
  const batches: string[] = [];
  for (let count = 0; count < 5; count += 1) batches.push((await at.createBatch()).id);

  const files = await collect(at.openai.files.list({ limit: 2, order: 'asc' }));
  const listed = await collect(at.openai.batches.list({ limit: 2 }));

  expect(files).toHaveLength(5);
  expect(files.map(({ id }) => id)).toEqual(files.map(({ id }) => id).toSorted());
  expect(listed.map(({ id }) => id)).toEqual(batches.toReversed());
});

test('a batch is made, found and cancelled', async () => {
  await using at = await scene();

  const batch = await at.createBatch({ metadata: { team: 'a' } });
  const found = await at.openai.batches.retrieve(batch.id);
  const cancelling = await at.openai.batches.cancel(batch.id);

  expect(batch).toMatchObject({ object: 'batch', status: 'validating', metadata: { team: 'a' } });
  expect(found).toEqual(batch);
  expect(cancelling).toMatchObject({ id: batch.id, status: 'cancelling', cancelling_at: expect.any(Number) });
});

test('what is refused is an error of its type, and is not sent again', async () => {
  await using at = await scene();
  let requests = 0;
  const counting: typeof fetch = (input, init) => {
    // It also asks for a `data:` URL, to see whether this fetch knows forms.
    if (!new Request(input).url.startsWith('data:')) requests += 1;
    return fetch(input, init);
  };
  const openai = at.producer.client({ maxRetries: 2, fetch: counting });
  const { id: fileId } = await at.upload(line('a'));
  const { id } = await at.openai.batches.create({ input_file_id: fileId, ...REQUEST });
  await at.openai.batches.cancel(id);

  const purpose = await refusalOf(openai.files.create({ file: new File(['a'], 'a'), purpose: 'fun' as 'batch' }));
  const window = await refusalOf(
    openai.batches.create({ input_file_id: fileId, ...REQUEST, completion_window: 'x' as '24h' }),
  );
  const file = await refusalOf(openai.batches.create({ input_file_id: 'file-none', ...REQUEST }));
  const batch = await refusalOf(openai.batches.retrieve('batch_none'));
  const cursor = await refusalOf(openai.batches.list({ after: 'x' }));
  const inUse = await refusalOf(openai.files.delete(fileId));

  expect([purpose, window, cursor].every((error) => error instanceof BadRequestError)).toBe(true);
  expect([file, batch].every((error) => error instanceof NotFoundError)).toBe(true);
  expect(inUse).toBeInstanceOf(ConflictError);
  expect(inUse).toMatchObject({ code: 'file_in_use' });
  expect(requests).toBe(6);
});

test('a batch runs from its file to its output, one line for each', async () => {
  await using at = await scene();
  const config = parseEngineConfig('models: { mock: { executor: mock } }', 'engine.yaml');
  await using executors = createExecutors(config, { env: {} });
  await using _worker = await workerOf(at.producer.engine, executors, { storage: at.storage.settings });
  const ids = Array.from({ length: 20 }, (_, index) => `line-${index}`);
  const input = await at.upload(ids.map((id) => `${line(id)}\n`).join(''));

  const { id } = await at.openai.batches.create({ input_file_id: input.id, ...REQUEST });
  await expect.poll(async () => (await at.openai.batches.retrieve(id)).status, { timeout: 20_000 }).toBe('completed');
  const batch = await at.openai.batches.retrieve(id);
  const output = await (await at.openai.files.content(batch.output_file_id ?? '')).text();
  const partial = await at.producer.get(`/v1/batches/${id}/output`);

  expect(batch.request_counts).toEqual({ total: 20, completed: 20, failed: 0 });
  expect(batch.error_file_id).toBeNull();
  expect(batch.usage?.total_tokens).toBeGreaterThan(0);
  const lines = output
    .trimEnd()
    .split('\n')
    .map((text) => JSON.parse(text) as { custom_id: string; response: unknown });
  expect(lines.map(({ custom_id: customId }) => customId)).toEqual(ids);
  expect(lines[0]).toMatchObject({ error: null, response: { status_code: 200, body: { object: 'chat.completion' } } });
  expect(partial.body).toBe(output);
});

test('a batch whose file is wrong fails with every bad line', async () => {
  await using at = await scene();
  const config = parseEngineConfig('models: { mock: { executor: mock } }', 'engine.yaml');
  await using executors = createExecutors(config, { env: {} });
  await using _worker = await workerOf(at.producer.engine, executors, { storage: at.storage.settings });
  const input = await at.upload([line('a'), 'nonsense', line('a'), line('b')].join('\n'));

  const { id } = await at.openai.batches.create({ input_file_id: input.id, ...REQUEST });
  await expect.poll(async () => (await at.openai.batches.retrieve(id)).status, { timeout: 20_000 }).toBe('failed');
  const { errors } = await at.openai.batches.retrieve(id);

  expect(errors?.data?.map((error) => [error.line, error.code])).toEqual([
    [2, 'invalid_json_line'],
    [3, 'duplicate_custom_id'],
  ]);
});
