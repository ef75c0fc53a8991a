import type { ResultPlace } from '@llm-engine/storage';
import { expect, test } from 'vitest';
import { ChunkResults } from './results.ts';

const HOLD = { batchId: 'batch_1', number: 0 };

/** Parts by epoch and sequence, as the database holds them, and how often each was read. */
function partsOf(parts: Readonly<Record<string, string>>) {
  const reads: string[] = [];
  return {
    reads,
    read: async (
      _hold: unknown,
      { epoch, sequence, offset, bytes }: Omit<ResultPlace, 'line' | 'failed'>,
    ): Promise<Uint8Array> => {
      reads.push(`${epoch}-${sequence}`);
      return Buffer.from(parts[`${epoch}-${sequence}`] ?? '').subarray(offset, offset + bytes);
    },
  };
}

function place(line: number, part: [epoch: number, sequence: number], offset: number, bytes: number, failed = false) {
  return { line, failed, epoch: part[0], sequence: part[1], offset, bytes };
}

async function sideOf(results: ChunkResults, lines: number, failed: boolean): Promise<string> {
  const pieces: Uint8Array[] = [];
  for await (const piece of results.inOrder(lines, failed)) pieces.push(piece);
  return Buffer.concat(pieces).toString();
}

test('results come in the order of their lines, wherever they lie', async () => {
  const chunks = partsOf({ '1-0': 'ca', '2-0': 'Xe' });
  const results = new ChunkResults(chunks, HOLD, [
    place(2, [1, 0], 0, 1),
    place(0, [1, 0], 1, 1),
    place(3, [2, 0], 0, 1, true),
    place(4, [2, 0], 1, 1),
  ]);
  results.keep(1, false, Buffer.from('b'));
  results.keep(5, true, Buffer.from('Y'));

  expect(await sideOf(results, 7, false)).toBe('abce');
  expect(await sideOf(results, 7, true)).toBe('XY');
  expect([results.size, results.has(5), results.has(6)]).toEqual([6, true, false]);
});

test('a part is read once for all of its lines', async () => {
  const chunks = partsOf({ '1-0': 'abc' });
  const results = new ChunkResults(
    chunks,
    HOLD,
    [0, 1, 2].map((line) => place(line, [1, 0], line, 1)),
  );

  await sideOf(results, 3, false);

  expect(chunks.reads).toEqual(['1-0']);
});

test('what is too much to be kept is found where it was recorded', async () => {
  const chunks = partsOf({ '1-0': 'ab' });
  const results = new ChunkResults(chunks, HOLD, []);

  results.keep(0, false, Buffer.from('a'));
  results.keep(1, false, Buffer.alloc(9 * 1024 * 1024));
  const { overflowed } = results;
  results.reload([place(0, [1, 0], 0, 1), place(1, [1, 0], 1, 1)]);

  expect(overflowed).toBe(true);
  expect(await sideOf(results, 2, false)).toBe('ab');
});
