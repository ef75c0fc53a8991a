import { expect, test, vi } from 'vitest';
import { TestBatches } from '../support/batches.ts';
import type { ResultLine } from '../support/batches.ts';
import { batchWorker, idsOf, idsWhere, inFlight, lineOf, markedLines, servedBy } from '../support/batch-workers.ts';
import { startModelServer } from '../support/model-server.ts';
import type { Behaviour } from '../support/model-server.ts';
import { valuesIn } from '../support/redis-values.ts';

/** As often as a line is tried whose failure may pass. */
const TRIES = 5;

test.concurrent('a batch completes on a server that fails every fifth request, in every way', async () => {
  const faults: readonly Behaviour[] = [
    { kind: 'status', status: 429, headers: { 'retry-after': '1' } },
    { kind: 'status', status: 500 },
    { kind: 'status', status: 503 },
    { kind: 'hang' },
    { kind: 'reset' },
    { kind: 'truncated' },
  ];
  await using server = await startModelServer({ models: ['m'] });
  for (let fault = 0; fault < 48; fault += 1) {
    server.next({ kind: 'ok' }, { kind: 'ok' }, { kind: 'ok' }, { kind: 'ok' }, faults[fault % faults.length]!);
  }
  await using executors = servedBy(server, 'timeout: 500ms');
  await using engine = await TestBatches.start();
  await using _worker = await batchWorker(engine, executors, { lineConcurrency: 16 });

  const { id } = await engine.create(markedLines(300));
  const batch = await engine.ended(id);

  expect(batch).toMatchObject({ status: 'completed', request_counts: { completed: 300, failed: 0 } });
  expect(idsOf(await engine.lines(batch.output_file_id))).toEqual(idsWhere(300));
  // One request a line, and one more for each fault.
  expect(server.requests).toHaveLength(300 + 48);
});

test.concurrent(
  'a line that fails for good carries what the server answered last, and is asked a bounded number of times',
  async () => {
    const error = { message: 'out of order', type: 'server_error', param: null, code: 'broken' };
    const cases = {
      'line-0': { kind: 'status', status: 400, error },
      'line-1': { kind: 'status', status: 500, error },
      'line-2': { kind: 'status', status: 502, body: '<html>Bad gateway</html>' },
      'line-3': { kind: 'hang' },
      'line-4': { kind: 'reset' },
      'line-5': { kind: 'malformed' },
      'line-6': { kind: 'status', status: 404, error },
    };
    await using server = await startModelServer({ models: ['m'] });
    await using executors = servedBy(server, 'timeout: 300ms');
    await using engine = await TestBatches.start();
    await using _worker = await batchWorker(engine, executors);

    const behaviours = Object.values(cases);
    const { id } = await engine.create(
      markedLines(10, (index) => ({ behaviour: behaviours[index] ?? { kind: 'ok' } })),
    );
    const batch = await engine.ended(id);

    expect(batch).toMatchObject({ status: 'completed', request_counts: { completed: 3, failed: 7 } });
    const errors = await engine.lines(batch.error_file_id);
    expect(idsOf(errors)).toEqual(Object.keys(cases));
    const answer = (status: number, body: unknown): Partial<ResultLine> =>
      expect.objectContaining({ response: expect.objectContaining({ status_code: status, body }), error: null });
    const none = (code: string): Partial<ResultLine> =>
      expect.objectContaining({ response: null, error: expect.objectContaining({ code }) });
    expect(errors).toEqual([
      answer(400, { error }),
      answer(500, { error }),
      answer(502, { error: expect.objectContaining({ message: expect.stringContaining('502') }) }),
      none('timeout'),
      none('connection'),
      none('malformed_response'),
      answer(404, { error }),
    ]);
    const asked = Map.groupBy(server.requests, lineOf);
    const times = Object.keys(cases).map((line) => asked.get(line)?.length);
    expect(times).toEqual([1, TRIES, TRIES, TRIES, TRIES, TRIES, 1]);
  },
);

test.concurrent('lines wait for a server that is down, and none of them fails', async () => {
  await using server = await startModelServer({ models: ['m'] });
  await using executors = servedBy(server);
  await using engine = await TestBatches.start();
  await using _worker = await batchWorker(engine, executors, { lineConcurrency: 2 });
  const executor = executors.resolve('m')?.executor;
  if (executor === undefined) throw new Error('nobody runs the model');
  const infer = vi.spyOn(executor, 'infer');
  await server.stop();

  const { id } = await engine.create(markedLines(20));
  // Oftener than a line is tried whose requests arrive.
  await expect.poll(() => timesOf(infer.mock.calls, 'line-0'), { timeout: 50_000 }).toBeGreaterThan(TRIES);
  const waiting = await engine.get(id);
  await server.start();
  const batch = await engine.ended(id);

  expect(waiting).toMatchObject({ status: 'in_progress', request_counts: { completed: 0, failed: 0 } });
  expect(batch).toMatchObject({ status: 'completed', request_counts: { completed: 20, failed: 0 } });
  expect(server.requests).toHaveLength(20);
});

test('Redis holds offsets of a batch, and nothing of what is asked or answered', async () => {
  const marker = 'zebra-crossing-7f3a';
  await using server = await startModelServer({ models: ['m'] });
  await using executors = servedBy(server);
  await using engine = await TestBatches.start();
  await using _worker = await batchWorker(engine, executors, { lineConcurrency: 4, chunkConcurrency: 1 });
  // One chunk is done, one runs, one waits.
  const { id } = await engine.create(
    markedLines(600, (index) => ({
      messages: [{ role: 'user', content: `${marker} ${index}` }],
      behaviour: index > 205 ? { kind: 'hang' } : { kind: 'ok', reply: `${marker} too` },
    })),
    { metadata: { for: marker } },
  );
  await expect.poll(() => inFlight(server), { timeout: 20_000 }).toHaveLength(4);

  const values = await valuesIn(engine.engine.connection.redis, engine.engine.connection.keys.base);

  expect(values.some((value) => value.includes(id))).toBe(true);
  expect(values.filter((value) => value.includes(marker))).toEqual([]);
});

function timesOf(
  calls: readonly (readonly [request: { readonly body: object }, ...unknown[]])[],
  line: string,
): number {
  return calls.filter(([{ body }]) => 'user' in body && body.user === line).length;
}
