import { fileObject } from '@llm-engine/storage';
import { expect, test } from 'vitest';
import { TestBatches, chatLines } from '../support/batches.ts';
import {
  batchWorker,
  endWindow,
  idsOf,
  idsWhere,
  inFlight,
  lineOf,
  markedLines,
  servedBy,
} from '../support/batch-workers.ts';
import { startModelServer } from '../support/model-server.ts';

const LINES = 250;
const LINES_AT_ONCE = 5;
const CHUNKS = 3;

test('a batch past its window keeps what has ended, stops the rest, and says which lines never ran', async () => {
  await using server = await startModelServer({ models: ['m'] });
  await using executors = servedBy(server);
  await using engine = await TestBatches.start();
  await using _worker = await batchWorker(engine, executors, { lineConcurrency: LINES_AT_ONCE });
  const { id } = await engine.create(
    markedLines(LINES, (index) => (index % 2 === 0 ? {} : { behaviour: { kind: 'hang' } })),
  );
  await expect.poll(() => inFlight(server), { timeout: 20_000 }).toHaveLength(LINES_AT_ONCE * CHUNKS);

  await endWindow(engine, id);
  const batch = await engine.ended(id);

  const kept = new Set(server.requests.filter(({ end }) => end?.by === 'answer').map(lineOf));
  expect(batch).toMatchObject({
    status: 'expired',
    expired_at: expect.any(Number),
    request_counts: { total: LINES, completed: kept.size, failed: LINES - kept.size },
  });
  const errors = await engine.lines(batch.error_file_id);
  expect(idsOf(await engine.lines(batch.output_file_id))).toEqual(idsWhere(LINES, (n) => kept.has(`line-${n}`)));
  expect(idsOf(errors)).toEqual(idsWhere(LINES, (n) => !kept.has(`line-${n}`)));
  for (const line of errors) expect(line).toMatchObject({ response: null, error: { code: 'batch_expired' } });
  expect(inFlight(server)).toEqual([]);
});

test('a window that passes while no worker runs ends the batch once one comes', async () => {
  await using server = await startModelServer({ models: ['m'], behaviour: { kind: 'hang' } });
  await using executors = servedBy(server);
  await using engine = await TestBatches.start();
  const first = await batchWorker(engine, executors);
  const { id } = await engine.create(chatLines(2));
  await server.request(1);
  await first.close();
  await endWindow(engine, id);

  await using _second = await batchWorker(engine, executors);
  const batch = await engine.ended(id);

  expect(batch).toMatchObject({ status: 'expired', output_file_id: null, request_counts: { failed: 2 } });
  expect(server.requests.length).toBeLessThanOrEqual(4);
});

test('a batch whose input cannot be read ends with its window, instead of being tried for ever', async () => {
  await using server = await startModelServer({ models: ['m'] });
  await using executors = servedBy(server);
  await using engine = await TestBatches.start();
  const { id, input_file_id: inputId } = await engine.create(chatLines(2));
  await engine.objects.delete([fileObject(inputId)]);
  await endWindow(engine, id);

  await using _worker = await batchWorker(engine, executors);
  const batch = await engine.ended(id);

  expect(batch).toMatchObject({ status: 'expired', request_counts: { total: 0 }, error_file_id: null });
});

test('files of a batch are removed when their time is over, and the input not before the batch has ended', async () => {
  const gate = Promise.withResolvers<void>();
  await using server = await startModelServer({ models: ['m'], behaviour: { kind: 'ok', until: gate.promise } });
  await using executors = servedBy(server);
  await using engine = await TestBatches.start();
  await using _worker = await batchWorker(engine, executors);
  const { id, input_file_id: inputId } = await engine.create(chatLines(2), {
    output_expires_after: { anchor: 'created_at', seconds: 3_600 },
  });
  await server.request(1);
  const expire = (fileId: string | null) =>
    engine.database.pool.query('UPDATE files SET expires_at = now() WHERE id = $1', [fileId]);
  const stored = async () => {
    const keys: string[] = [];
    for await (const { key } of engine.objects.list('files/')) keys.push(key);
    return keys;
  };

  await expire(inputId);
  const removedMeanwhile = await engine.files.removeExpired(new Date());
  gate.resolve();
  const batch = await engine.ended(id);
  const output = await engine.files.get('default', batch.output_file_id ?? '');
  await expire(output.id);

  expect(removedMeanwhile).toBe(0);
  expect(batch.status).toBe('completed');
  expect(output.expiresAt?.getTime()).toBe(output.createdAt.getTime() + 3_600_000);
  await expect.poll(stored, { timeout: 10_000 }).toEqual([]);
  await expect(engine.files.content('default', output.id)).rejects.toMatchObject({ code: 'file_not_found' });
});
