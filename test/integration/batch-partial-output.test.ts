import { text } from 'node:stream/consumers';
import { isBatchEnd } from '@llm-engine/contracts';
import { expect, test } from 'vitest';
import { TestBatches, parseLines } from '../support/batches.ts';
import { batchWorker, idsOf, idsWhere, markedLines, servedBy } from '../support/batch-workers.ts';
import { startModelServer } from '../support/model-server.ts';

const OWNER = 'default';
const REFUSED = { kind: 'status', status: 422 };

async function outputOf(engine: TestBatches, id: string): Promise<string> {
  return text(await engine.batches.output(OWNER, id));
}

test('the output so far holds what has succeeded, in the order of the input, of chunks that are done and of those that run', async () => {
  const gate = Promise.withResolvers<void>();
  await using server = await startModelServer({ models: ['m'], behaviour: { kind: 'ok', until: gate.promise } });
  await using executors = servedBy(server);
  await using engine = await TestBatches.start();
  await using _worker = await batchWorker(engine, executors, { lineConcurrency: 16 });
  // Of five chunks the third does not end: in it, and in nothing else, lines are held back.
  const held = (index: number): boolean => index >= 200 && index < 300 && index % 10 === 7;
  const fails = (index: number): boolean => index % 10 === 3;
  const behaviour = (index: number) => (fails(index) ? REFUSED : { kind: 'ok' });
  const { id } = await engine.create(markedLines(500, (index) => (held(index) ? {} : { behaviour: behaviour(index) })));
  await engine.until(id, ({ request_counts: { completed, failed } }) => completed + failed === 490);
  const sealed = async () => (await engine.chunks.page(id)).map(({ sealedEpoch }) => sealedEpoch !== null);
  await expect.poll(sealed).toEqual([true, true, false, true, true]);

  const partial = await outputOf(engine, id);
  gate.resolve();
  const batch = await engine.ended(id);
  const whole = await outputOf(engine, id);

  expect(idsOf(parseLines(partial))).toEqual(idsWhere(500, (index) => !fails(index) && !held(index)));
  expect(idsOf(parseLines(whole))).toEqual(idsWhere(500, (index) => !fails(index)));
  expect(whole).toBe(await text(await engine.files.content(OWNER, batch.output_file_id ?? '')));
  // Line by line the same.
  const lines = new Set(whole.split('\n'));
  expect(partial.split('\n').filter((line) => !lines.has(line))).toEqual([]);
});

test('the output can be read at any time while a batch runs and ends, and only grows', async () => {
  await using server = await startModelServer({ models: ['m'], behaviour: { kind: 'ok', delayMs: 10 } });
  await using executors = servedBy(server);
  await using engine = await TestBatches.start();
  await using _worker = await batchWorker(engine, executors, { lineConcurrency: 16 });
  const { id } = await engine.create(markedLines(2_000));

  const reads: string[] = [];
  do reads.push(await outputOf(engine, id));
  while (!isBatchEnd((await engine.get(id)).status));
  const whole = await outputOf(engine, id);

  const order = new Map(whole.split('\n').map((line, index) => [line, index]));
  let before = 0;
  for (const read of reads) {
    const places = read.split('\n').map((line) => order.get(line) ?? -1);
    expect(places).toEqual(places.toSorted((a, b) => a - b));
    expect(places[0]).not.toBe(-1);
    expect(new Set(places).size).toBe(places.length);
    expect(places.length).toBeGreaterThanOrEqual(before);
    before = places.length;
  }
  expect(order.size).toBe(2_001);
  expect(reads.length).toBeGreaterThan(3);
});

test('a batch that ends while its output is read does not cut the reader off', async () => {
  await using server = await startModelServer({ models: ['m'] });
  await using executors = servedBy(server);
  await using engine = await TestBatches.start();
  const held = { behaviour: { kind: 'hang' } };
  await using _worker = await batchWorker(engine, executors);
  const { id } = await engine.create(markedLines(600, (index) => (index === 0 ? held : {})));
  await engine.until(id, ({ request_counts: { completed } }) => completed === 599);
  const reader = (await engine.batches.output(OWNER, id))[Symbol.asyncIterator]();
  const first = await reader.next();

  await engine.batches.cancel(OWNER, id);
  await engine.ended(id);
  const pieces = [first.value as Uint8Array];
  for (let next = await reader.next(); next.done !== true; next = await reader.next()) pieces.push(next.value);

  expect(idsOf(parseLines(Buffer.concat(pieces).toString()))).toEqual(idsWhere(600, (index) => index > 0));
});

test('a batch of which nothing has run yet has no output', async () => {
  await using engine = await TestBatches.start();
  const { id } = await engine.create(markedLines(2));

  expect(await outputOf(engine, id)).toBe('');
  await expect(engine.batches.output(OWNER, 'batch_none')).rejects.toMatchObject({ code: 'batch_not_found' });
});
