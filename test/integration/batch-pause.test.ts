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
import type { LogLine } from '../support/app-process.ts';
import { startModelServer } from '../support/model-server.ts';
import type { ModelServer } from '../support/model-server.ts';
import { WorkerLog } from '../support/worker-log.ts';

const LINES = 250;
const CHUNKS = 3;
const ONE_BY_ONE = { lineConcurrency: 3 };
const SLOW = { kind: 'ok', delayMs: 50 } as const;

function left(chunk: number): (line: LogLine) => boolean {
  return (line) => line.msg === 'chunk left' && line['chunk'] === chunk;
}

/** A batch that ran for a while, and was paused until no line was in flight any more. */
async function pausedBatch(engine: TestBatches, server: ModelServer, log: WorkerLog): Promise<string> {
  const { id } = await engine.create(markedLines(LINES));
  await server.request(20);
  await engine.batches.pause('default', id);
  for (let chunk = 0; chunk < CHUNKS; chunk += 1) await log.logged(left(chunk));
  return id;
}

test('a paused batch lets the lines in flight end and begins no others, and goes on where it was when it is resumed', async () => {
  await using server = await startModelServer({ models: ['m'], behaviour: SLOW });
  await using executors = servedBy(server);
  await using engine = await TestBatches.start();
  const log = new WorkerLog();
  await using _worker = await batchWorker(engine, executors, { ...ONE_BY_ONE, logger: log.logger });

  const id = await pausedBatch(engine, server, log);
  const paused = await engine.get(id);
  const asked = server.requests.length;
  const resumed = await engine.batches.resume('default', id);
  const batch = await engine.ended(id);

  expect(paused).toMatchObject({ status: 'in_progress', paused_at: expect.any(Number) });
  expect(paused.request_counts).toEqual({ total: LINES, completed: asked, failed: 0 });
  expect(asked).toBeLessThan(LINES);
  expect(resumed.paused_at).toBeNull();
  expect(batch).toMatchObject({ status: 'completed', request_counts: { completed: LINES } });
  expect(idsOf(await engine.lines(batch.output_file_id))).toEqual(idsWhere(LINES));
  // Each line was asked once, and answered.
  expect(new Set(server.requests.map(lineOf)).size).toBe(server.requests.length);
  expect(server.requests.filter(({ end }) => end?.by !== 'answer')).toEqual([]);
});

test('a paused batch stays so when its workers are replaced, while other batches run', async () => {
  await using server = await startModelServer({ models: ['m'], behaviour: SLOW });
  await using executors = servedBy(server);
  await using engine = await TestBatches.start();
  const log = new WorkerLog();
  const first = await batchWorker(engine, executors, { ...ONE_BY_ONE, logger: log.logger });
  const id = await pausedBatch(engine, server, log);
  await first.close();
  const asked = server.requests.length;

  await using _second = await batchWorker(engine, executors);
  const other = await engine.create(chatLines(20));
  await engine.ended(other.id);
  const afterOther = server.requests.length;
  await engine.batches.resume('default', id);
  const batch = await engine.ended(id);

  expect(afterOther).toBe(asked + 20);
  expect(batch).toMatchObject({ status: 'completed', request_counts: { completed: LINES } });
  expect(server.requests).toHaveLength(LINES + 20);
});

test('a batch that is paused before it is validated is validated, and runs when it is resumed', async () => {
  await using server = await startModelServer({ models: ['m'] });
  await using executors = servedBy(server);
  await using engine = await TestBatches.start();
  const { id } = await engine.create(chatLines(3));
  await engine.batches.pause('default', id);

  await using _worker = await batchWorker(engine, executors);
  await engine.until(id, ({ status }) => status === 'in_progress');
  const other = await engine.create(chatLines(2));
  await engine.ended(other.id);
  const askedMeanwhile = server.requests.length;
  await engine.batches.resume('default', id);

  expect(askedMeanwhile).toBe(2);
  expect((await engine.ended(id)).request_counts.completed).toBe(3);
});

test('a batch that is resumed while its last lines are still in flight goes on at once when they have ended', async () => {
  await using server = await startModelServer({ models: ['m'] });
  await using executors = servedBy(server);
  await using engine = await TestBatches.start();
  // Nobody looks after it again: what goes on does so by itself.
  await using _worker = await batchWorker(engine, executors, { lineConcurrency: 2, reconcileEveryMs: 3_600_000 });
  const gate = Promise.withResolvers<void>();
  server.next({ kind: 'ok', until: gate.promise }, { kind: 'ok', until: gate.promise });
  const { id } = await engine.create(chatLines(20));
  await server.request(1);

  await engine.batches.pause('default', id);
  // The worker has seen it, when a batch that came later has been seen to be cancelled.
  const other = await engine.create(markedLines(1, () => ({ behaviour: { kind: 'hang' } })));
  const hanging = await server.request(2);
  await engine.batches.cancel('default', other.id);
  await hanging.closed;
  await engine.batches.resume('default', id);
  gate.resolve();

  expect((await engine.ended(id)).request_counts.completed).toBe(20);
});

test('the window of a batch goes on while it is paused', async () => {
  await using server = await startModelServer({ models: ['m'], behaviour: SLOW });
  await using executors = servedBy(server);
  await using engine = await TestBatches.start();
  const log = new WorkerLog();
  await using _worker = await batchWorker(engine, executors, { ...ONE_BY_ONE, logger: log.logger });
  const id = await pausedBatch(engine, server, log);
  const { completed } = (await engine.get(id)).request_counts;

  await endWindow(engine, id);
  const batch = await engine.ended(id);

  expect(batch).toMatchObject({
    status: 'expired',
    paused_at: null,
    request_counts: { completed, failed: LINES - completed },
  });
  expect(inFlight(server)).toEqual([]);
  expect(await engine.lines(batch.output_file_id)).toHaveLength(completed);
});
