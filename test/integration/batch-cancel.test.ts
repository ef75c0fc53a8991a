import { createExecutors, parseEngineConfig } from '@llm-engine/executors';
import { MAINTENANCE_QUEUE, ModelCatalogue } from '@llm-engine/queue';
import { expect, test } from 'vitest';
import { TestBatches, chatLines } from '../support/batches.ts';
import { batchWorker, idsOf, idsWhere, inFlight, lineOf, markedLines, servedBy } from '../support/batch-workers.ts';
import { modelInfo } from '../support/engine.ts';
import { startModelServer } from '../support/model-server.ts';

const LINES = 300;
const LINES_AT_ONCE = 5;
const CHUNKS = 3;
const HANG = { behaviour: { kind: 'hang' } };

/** Every third line is answered, the others hang. */
const answered = (index: number): boolean => index % 3 === 0;
const input = (): string => markedLines(LINES, (index) => (answered(index) ? {} : HANG));

test('a cancelled batch stops the lines in flight within two seconds, keeps what has ended, and says which lines never ran', async () => {
  await using server = await startModelServer({ models: ['m'] });
  await using executors = servedBy(server);
  await using engine = await TestBatches.start();
  await using _worker = await batchWorker(engine, executors, { lineConcurrency: LINES_AT_ONCE });
  const { id } = await engine.create(input());
  await expect.poll(() => inFlight(server), { timeout: 20_000 }).toHaveLength(LINES_AT_ONCE * CHUNKS);
  const stopped = inFlight(server);

  const cancelledAt = Date.now();
  const cancelling = await engine.batches.cancel('default', id);
  const ends = await Promise.all(stopped.map(({ closed }) => closed));
  const batch = await engine.ended(id);

  expect(cancelling.status).toBe('cancelling');
  for (const { by, at } of ends) {
    expect(by).toBe('client');
    expect(at - cancelledAt).toBeLessThan(2_000);
  }
  const kept = new Set(server.requests.filter(({ end }) => end?.by === 'answer').map(lineOf));
  expect(kept.size).toBeGreaterThan(0);
  expect(batch).toMatchObject({
    status: 'cancelled',
    request_counts: { total: LINES, completed: kept.size, failed: LINES - kept.size },
  });
  const [output, errors] = [await engine.lines(batch.output_file_id), await engine.lines(batch.error_file_id)];
  expect(idsOf(output)).toEqual(idsWhere(LINES, (index) => kept.has(`line-${index}`)));
  expect(idsOf(errors)).toEqual(idsWhere(LINES, (index) => !kept.has(`line-${index}`)));
  for (const line of errors) expect(line).toMatchObject({ response: null, error: { code: 'batch_cancelled' } });
  expect(new Set([...output, ...errors].map((line) => line.id)).size).toBe(LINES);
});

test('a batch that is cancelled while no worker runs ends once one comes, with what had ended before', async () => {
  await using server = await startModelServer({ models: ['m'] });
  await using executors = servedBy(server);
  await using engine = await TestBatches.start();
  const first = await batchWorker(engine, executors, { lineConcurrency: LINES_AT_ONCE });
  const { id } = await engine.create(input());
  await expect.poll(() => inFlight(server), { timeout: 20_000 }).toHaveLength(LINES_AT_ONCE * CHUNKS);
  await first.close();
  const asked = server.requests.length;

  const { status, request_counts: before } = await engine.batches.cancel('default', id);
  await using _second = await batchWorker(engine, executors);
  const batch = await engine.ended(id);

  expect(status).toBe('cancelling');
  expect(before.completed).toBeGreaterThan(0);
  expect(batch).toMatchObject({
    status: 'cancelled',
    request_counts: { completed: before.completed, failed: LINES - before.completed },
  });
  expect(await engine.lines(batch.output_file_id)).toHaveLength(before.completed);
  expect(server.requests).toHaveLength(asked);
});

test('a batch that is cancelled before it is validated ends without having run', async () => {
  await using server = await startModelServer({ models: ['m'] });
  await using executors = servedBy(server);
  await using engine = await TestBatches.start();
  const { id } = await engine.create(chatLines(3));

  await engine.batches.cancel('default', id);
  await using _worker = await batchWorker(engine, executors);
  const batch = await engine.ended(id);

  expect(batch).toMatchObject({ status: 'cancelled', output_file_id: null, error_file_id: null, errors: null });
  expect(server.requests).toEqual([]);
});

test('a validation that is under way when its batch is cancelled starts nothing', async () => {
  await using server = await startModelServer({ models: ['other'] });
  await using executors = createExecutors(
    parseEngineConfig(`models: { other: { executor: openai, endpoints: [${server.url}] } }`, 'engine.yaml'),
    { env: {} },
  );
  await using engine = await TestBatches.start({ models: [] });
  await using _worker = await batchWorker(engine, executors);
  const { id } = await engine.create(chatLines(3));
  const { connection } = engine.engine;
  const underWay = async () =>
    (await connection.queue(MAINTENANCE_QUEUE).getActive()).some(({ name }) => name === 'validate');
  // It waits for the model, which may be announced a little later.
  await expect.poll(underWay, { timeout: 10_000 }).toBe(true);

  await engine.batches.cancel('default', id);
  await new ModelCatalogue(connection).announce([modelInfo('m')]);
  await expect.poll(underWay, { timeout: 10_000 }).toBe(false);
  const batch = await engine.ended(id);

  expect(batch).toMatchObject({
    status: 'cancelled',
    in_progress_at: null,
    errors: null,
    request_counts: { total: 0 },
  });
  expect(await engine.chunks.unsealed(id)).toEqual([]);
});

test('to cancel a batch again changes nothing, and one that has ended is too late to cancel, pause or resume', async () => {
  await using server = await startModelServer({ models: ['m'] });
  await using executors = servedBy(server);
  await using engine = await TestBatches.start();
  const { id } = await engine.create(chatLines(3));

  await engine.batches.cancel('default', id);
  const first = await engine.table.get(id);
  await engine.batches.cancel('default', id);
  const second = await engine.table.get(id);
  await using _worker = await batchWorker(engine, executors);
  const ended = await engine.ended(id);

  expect(second).toEqual(first);
  for (const act of ['cancel', 'pause', 'resume'] as const) {
    await expect(engine.batches[act]('default', id)).rejects.toMatchObject({ code: 'batch_already_finished' });
  }
  expect(await engine.get(id)).toEqual(ended);
});
