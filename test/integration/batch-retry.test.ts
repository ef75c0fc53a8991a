import { text } from 'node:stream/consumers';
import { expect, test } from 'vitest';
import { TestBatches, chatLines } from '../support/batches.ts';
import { batchWorker, idsOf, idsWhere, inFlight, markedLines, servedBy } from '../support/batch-workers.ts';
import { startModelServer } from '../support/model-server.ts';

const OWNER = 'default';
const REFUSED = { behaviour: { kind: 'status', status: 422 } };

test('a retry runs the lines that failed and those that never ran, and no others', async () => {
  await using server = await startModelServer({ models: ['m'] });
  await using executors = servedBy(server);
  await using engine = await TestBatches.start();
  await using _worker = await batchWorker(engine, executors, { lineConcurrency: 4 });
  // Answered, refused, and held back until the batch is cancelled.
  const hangs = { behaviour: { kind: 'hang' } };
  const input = markedLines(250, (index) => (index < 210 ? (index % 10 === 0 ? REFUSED : {}) : hangs));
  const settings = { metadata: { for: 'test' }, priority: 'standard', completion_window: '7d' };
  const made = await engine.create(input, settings);
  await expect.poll(() => inFlight(server), { timeout: 20_000 }).toHaveLength(4);
  await engine.until(made.id, ({ request_counts: { completed, failed } }) => completed + failed === 210);
  await engine.batches.cancel(OWNER, made.id);
  const first = await engine.ended(made.id);
  const asked = server.requests.length;

  const retry = await engine.batches.retry(OWNER, made.id);
  const retried = await text(await engine.files.content(OWNER, retry.input_file_id));
  const running = await engine.until(retry.id, ({ request_counts: { failed } }) => failed === 21);
  await engine.batches.cancel(OWNER, retry.id);
  const second = await engine.ended(retry.id);

  const failed = idsWhere(250, (index) => index >= 210 || index % 10 === 0);
  expect(first.request_counts).toEqual({ total: 250, completed: 189, failed: 61 });
  expect(retry).toMatchObject({ ...settings, retry_of: made.id, endpoint: made.endpoint, status: 'validating' });
  // Line by line as it was.
  const lines = input.split('\n');
  expect(retried.split('\n')).toEqual([...failed.map((id) => lines[Number(id.slice('line-'.length))]), '']);
  expect(running.request_counts.total).toBe(61);
  expect(idsOf(await engine.lines(second.error_file_id))).toEqual(failed);
  expect(server.requests.slice(asked).map(({ body }) => body['user'])).toEqual(
    expect.arrayContaining(failed.slice(0, 21)),
  );
});

test('a retry that is asked for twice at once is one batch with one input', async () => {
  await using server = await startModelServer({ models: ['m'] });
  await using executors = servedBy(server);
  await using engine = await TestBatches.start();
  await using _worker = await batchWorker(engine, executors);
  const { id } = await engine.create(chatLines(4, (index) => (index % 2 === 0 ? REFUSED : {})));
  await engine.ended(id);

  const together = await Promise.all([engine.batches.retry(OWNER, id), engine.batches.retry(OWNER, id)]);
  const later = await engine.batches.retry(OWNER, id);
  await engine.ended(later.id);

  const ids = new Set([...together, later].map((batch) => batch.id));
  expect(ids.size).toBe(1);
  const inputs = await engine.files.list(OWNER, { purpose: 'batch', limit: 10 });
  expect(inputs.rows.map((row) => [row.filename, row.id])).toEqual([
    ['input.retry.jsonl', later.input_file_id],
    ['input.jsonl', expect.any(String)],
  ]);
});

test('lines that fail again can be tried again, as a batch of the batch', async () => {
  await using server = await startModelServer({ models: ['m'] });
  await using executors = servedBy(server);
  await using engine = await TestBatches.start();
  await using _worker = await batchWorker(engine, executors);
  server.setDefault({ kind: 'status', status: 422 });
  const { id } = await engine.create(chatLines(3));
  await engine.ended(id);

  const first = await engine.batches.retry(OWNER, id);
  await engine.ended(first.id);
  server.setDefault(undefined);
  const second = await engine.batches.retry(OWNER, first.id);
  const end = await engine.ended(second.id);

  expect(second.retry_of).toBe(first.id);
  expect(end).toMatchObject({ status: 'completed', request_counts: { total: 3, completed: 3, failed: 0 } });
  expect(idsOf(await engine.lines(end.output_file_id))).toEqual(idsWhere(3));
});

test('what cannot be tried again says why', async () => {
  await using server = await startModelServer({ models: ['m'] });
  await using executors = servedBy(server);
  await using engine = await TestBatches.start();
  await using _worker = await batchWorker(engine, executors);
  const good = await engine.create(chatLines(1));
  const bad = await engine.create(chatLines(1, () => REFUSED));
  const running = await engine.create(chatLines(1, () => ({ behaviour: { kind: 'hang' } })));
  await engine.ended(good.id);
  const { error_file_id: errorFileId } = await engine.ended(bad.id);
  await engine.files.delete(OWNER, errorFileId ?? '');
  const retry = (id: string) => engine.batches.retry(OWNER, id);

  await expect(retry(good.id)).rejects.toMatchObject({ code: 'batch_not_retryable' });
  await expect(retry(running.id)).rejects.toMatchObject({ code: 'batch_not_finished' });
  await expect(retry(bad.id)).rejects.toMatchObject({ code: 'file_not_found' });
  await expect(retry('batch_none')).rejects.toMatchObject({ code: 'batch_not_found' });
  await expect(engine.batches.retry('somebody else', bad.id)).rejects.toMatchObject({ code: 'batch_not_found' });
});

test('a caller may use any idempotency key, and does not get the retry of a batch by it', async () => {
  await using server = await startModelServer({ models: ['m'] });
  await using executors = servedBy(server);
  await using engine = await TestBatches.start();
  await using _worker = await batchWorker(engine, executors);
  const refused = { behaviour: { kind: 'status', status: 422 } };
  const { id } = await engine.create(markedLines(2, (index) => (index === 0 ? refused : {})));
  const { input_file_id: fileId } = await engine.ended(id);
  const request = { input_file_id: fileId, endpoint: '/v1/chat/completions', completion_window: '24h' };

  const own = await engine.batches.create('default', request, { idempotencyKey: `retry of ${id}` });
  const retried = await engine.batches.retry('default', id);

  expect(retried.id).not.toBe(own.id);
  expect(retried.retry_of).toBe(id);
});

test('a retry that was refused as a whole, and so has tried nothing, can be asked for again', async () => {
  await using server = await startModelServer({ models: ['m'] });
  await using executors = servedBy(server);
  await using engine = await TestBatches.start();
  const worker = await batchWorker(engine, executors);
  const { id } = await engine.create(markedLines(1, () => REFUSED));
  await engine.ended(id);
  await worker.close();

  const refused = await engine.batches.retry('default', id);
  await engine.table.fail(refused.id, { errors: [], total: 0 }, new Date());
  const again = await engine.batches.retry('default', id);
  const same = await engine.batches.retry('default', id);

  expect(again.id).not.toBe(refused.id);
  expect(again).toMatchObject({ status: 'validating', retry_of: id });
  expect(same.id).toBe(again.id);
});
