import { expect, test } from 'vitest';
import { ChunkCutter, joinChunks } from './chunk-cutter.ts';

/** Lines of so many bytes, one after the other. */
function chunksOf(lengths: readonly number[], size: { readonly lines: number; readonly bytes: number }) {
  const cutter = new ChunkCutter(size);
  let offset = 0;
  for (const [index, length] of lengths.entries()) {
    cutter.add({ number: index + 1, offset, length });
    offset += length + 1;
  }
  return cutter.chunks;
}

test('a chunk is full after so many lines, and goes from its first byte to its last', () => {
  expect(chunksOf([4, 5, 6], { lines: 2, bytes: 1_000 })).toEqual([
    { firstLine: 1, lines: 2, byteOffset: 0, byteLength: 10 },
    { firstLine: 3, lines: 1, byteOffset: 11, byteLength: 6 },
  ]);
});

test('a chunk takes no line that would make it too large, and a line that is larger has one of its own', () => {
  const chunks = chunksOf([4, 4, 1, 30, 2], { lines: 100, bytes: 9 });

  expect(chunks.map(({ firstLine, lines }) => [firstLine, lines])).toEqual([
    [1, 2],
    [3, 1],
    [4, 1],
    [5, 1],
  ]);
});

test('blank lines between two requests are bytes of a chunk, and not lines of it', () => {
  const cutter = new ChunkCutter({ lines: 10, bytes: 1_000 });

  cutter.add({ number: 2, offset: 1, length: 4 });
  cutter.add({ number: 5, offset: 20, length: 4 });

  expect(cutter.chunks).toEqual([{ firstLine: 2, lines: 2, byteOffset: 1, byteLength: 23 }]);
});

test.each([
  { lines: 1_000, chunks: 10 },
  { lines: 10_050, chunks: 101 },
  { lines: 20_000, chunks: 100 },
  { lines: 50_000, chunks: 100 },
  { lines: 200_000, chunks: 400 },
])('$lines lines make $chunks chunks, which hold every line once and in order', ({ lines, chunks }) => {
  const cut = chunksOf(
    Array.from({ length: lines }, () => 9),
    { lines: 100, bytes: 1_000_000 },
  );

  const joined = joinChunks(cut, { lines: 500, bytes: 1_000_000 });

  expect(joined).toHaveLength(chunks);
  let line = 1;
  for (const chunk of joined) {
    expect(chunk).toMatchObject({ firstLine: line, byteOffset: (line - 1) * 10, byteLength: chunk.lines * 10 - 1 });
    line += chunk.lines;
  }
  expect(line).toBe(lines + 1);
});

test('joined chunks are no larger than a chunk may be', () => {
  const cut = chunksOf(
    Array.from({ length: 2_000 }, () => 99),
    { lines: 1, bytes: 1_000 },
  );

  const joined = joinChunks(cut, { lines: 500, bytes: 550 });

  expect(Math.max(...joined.map(({ byteLength }) => byteLength))).toBe(499);
});
