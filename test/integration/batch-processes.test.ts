import { expect, test } from 'vitest';
import { TestBatches } from '../support/batches.ts';
import { batchProcess, idsOf, idsWhere, inFlight, lineOf, markedLines } from '../support/batch-workers.ts';
import { startModelServer } from '../support/model-server.ts';
import type { ModelServer } from '../support/model-server.ts';

const LINES = 40;
const LINES_AT_ONCE = 4;
const ENV = { WORKER_LINE_CONCURRENCY: String(LINES_AT_ONCE) };
/** Lines that are answered at once; the others come in later. */
const QUICK = 10;
const input = (): string => markedLines(LINES, (index) => (index < QUICK ? { behaviour: { kind: 'ok' } } : {}));

/** A gate that every line waits at which is not quick. */
function hold(server: ModelServer, reply: string): () => void {
  const { promise, resolve } = Promise.withResolvers<void>();
  server.setDefault({ kind: 'ok', reply, until: promise });
  return resolve;
}

async function recorded(engine: TestBatches, id: string, lines: number): Promise<void> {
  await engine.until(id, ({ request_counts: { completed } }) => completed === lines);
}

test('a worker that was stopped past its lock and goes on later writes nothing', async () => {
  await using server = await startModelServer({ models: ['m'] });
  const answerZombie = hold(server, 'from the zombie');
  await using engine = await TestBatches.start();
  await using zombie = await batchProcess(engine, { server, env: ENV });
  const { id } = await engine.create(input());
  await recorded(engine, id, QUICK);
  await expect.poll(() => inFlight(server)).toHaveLength(LINES_AT_ONCE);
  const partsOf = async (epoch: number) => {
    const { rows } = await engine.database.pool.query('SELECT sequence, lines FROM parts WHERE epoch = $1', [epoch]);
    return rows;
  };
  const parts = await partsOf(1);

  zombie.signal('SIGSTOP');
  const answerHeir = hold(server, 'from the heir');
  await using heir = await batchProcess(engine, { server, env: ENV });
  await heir.logged(({ msg, epoch }) => msg === 'chunk started' && epoch === 2);
  await server.request(QUICK + 2 * LINES_AT_ONCE - 1);
  answerZombie();
  zombie.signal('SIGCONT');
  await zombie.logged(({ msg, reason }) => msg === 'chunk left' && reason === 'another worker has it');
  const [partsAfter, between] = [await partsOf(1), await engine.get(id)];
  answerHeir();
  const batch = await engine.ended(id);

  expect(partsAfter).toEqual(parts);
  expect(between.request_counts.completed).toBe(QUICK);
  expect(batch).toMatchObject({ status: 'completed', request_counts: { completed: LINES, failed: 0 } });
  const output = await engine.lines(batch.output_file_id);
  expect(idsOf(output)).toEqual(idsWhere(LINES));
  expect(JSON.stringify(output.slice(QUICK))).not.toContain('zombie');
});

test('a worker that is told to stop lets the lines in flight end, and another one runs the rest: no line is asked twice', async () => {
  await using server = await startModelServer({ models: ['m'] });
  const answer = hold(server, 'in time');
  await using engine = await TestBatches.start();
  await using first = await batchProcess(engine, { server, env: { ...ENV, WORKER_GRACE_SECONDS: '30' } });
  const { id } = await engine.create(input());
  await recorded(engine, id, QUICK);
  await expect.poll(() => inFlight(server)).toHaveLength(LINES_AT_ONCE);

  first.signal('SIGTERM');
  await first.logged(({ msg }) => msg === 'worker stops');
  answer();
  const exitCode = await first.ended();
  const afterFirst = (await engine.get(id)).request_counts.completed;
  await using _second = await batchProcess(engine, { server, env: ENV });
  const batch = await engine.ended(id);

  expect(exitCode).toBe(0);
  expect(afterFirst).toBe(QUICK + LINES_AT_ONCE);
  expect(batch.request_counts).toEqual({ total: LINES, completed: LINES, failed: 0 });
  expect(idsOf(await engine.lines(batch.output_file_id))).toEqual(idsWhere(LINES));
  expect(server.requests).toHaveLength(LINES);
});

test('a worker that is told to stop at once hands its chunk over, and only the lines in flight are asked again', async () => {
  await using server = await startModelServer({ models: ['m'] });
  const answer = hold(server, 'in the end');
  await using engine = await TestBatches.start();
  await using first = await batchProcess(engine, { server, env: ENV });
  const { id } = await engine.create(input());
  await recorded(engine, id, QUICK);
  await expect.poll(() => inFlight(server)).toHaveLength(LINES_AT_ONCE);
  const stopped = inFlight(server);

  first.signal('SIGTERM');
  const exitCode = await first.ended();
  const ends = await Promise.all(stopped.map(({ closed }) => closed));
  answer();
  await using _second = await batchProcess(engine, { server, env: ENV });
  const batch = await engine.ended(id);

  expect(exitCode).toBe(0);
  expect(ends.map(({ by }) => by)).toEqual(Array.from({ length: LINES_AT_ONCE }, () => 'client'));
  expect(batch.request_counts).toEqual({ total: LINES, completed: LINES, failed: 0 });
  const again = [...Map.groupBy(server.requests, lineOf)].flatMap(([line, asked]) => (asked.length > 1 ? [line] : []));
  expect(again.toSorted()).toEqual(stopped.map(lineOf).toSorted());
});
