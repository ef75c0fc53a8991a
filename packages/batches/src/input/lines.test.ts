import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { readLines } from './lines.ts';
import type { Line } from './lines.ts';

async function* inPieces(bytes: Uint8Array, size: number): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

/** The lines of a content that comes in pieces of so many bytes. */
async function linesOf(content: string | Uint8Array, { pieceBytes = 5, maxLineBytes = 1_000 } = {}): Promise<Line[]> {
  const bytes = Buffer.from(content);
  return collect(readLines(inPieces(bytes, pieceBytes), { maxLineBytes }));
}

async function collect(source: AsyncIterable<readonly Line[]>): Promise<Line[]> {
  const all: Line[] = [];
  for await (const lines of source) all.push(...lines);
  return all;
}

const textsOf = (lines: readonly Line[]) =>
  lines.map((line) => (line.kind === 'text' ? line.bytes.toString() : line.kind));

describe('readLines', () => {
  test('a line has its number, and its place in the file', async () => {
    const lines = await linesOf('first\n\nthe third\n');

    expect(lines).toEqual([
      { kind: 'text', number: 1, offset: 0, length: 5, bytes: Buffer.from('first') },
      { kind: 'text', number: 3, offset: 7, length: 9, bytes: Buffer.from('the third') },
    ]);
  });

  test('the last line needs no newline', async () => {
    expect(textsOf(await linesOf('a\nb'))).toEqual(['a', 'b']);
  });

  test('a file without a line has none', async () => {
    expect(await linesOf('')).toEqual([]);
    expect(await linesOf('\n \t\r\n\n')).toEqual([]);
  });

  test('a carriage return before the newline belongs to the line end', async () => {
    const lines = await linesOf('a\r\nb\r\n');

    expect(textsOf(lines)).toEqual(['a', 'b']);
    expect(lines[1]).toMatchObject({ offset: 3, length: 1 });
  });

  test('a byte order mark at the start belongs to no line, and one later does', async () => {
    const lines = await linesOf('\uFEFFa\n\uFEFFb');

    expect(textsOf(lines)).toEqual(['a', '\uFEFFb']);
    expect(lines[0]).toMatchObject({ offset: 3, length: 1 });
  });

  test.each([1, 2, 3, 100])('a character that is cut between pieces of %d bytes stays whole', async (pieceBytes) => {
    expect(textsOf(await linesOf('größer 🚀\n値', { pieceBytes }))).toEqual(['größer 🚀', '値']);
  });

  test('a line that is not UTF-8 is told, and the others are read', async () => {
    const content = Buffer.concat([Buffer.from('a\n'), Buffer.from([0x22, 0xff, 0x22]), Buffer.from('\nb')]);

    const lines = await linesOf(content);

    expect(textsOf(lines)).toEqual(['a', 'not_utf8', 'b']);
    expect(lines[1]).toMatchObject({ number: 2, offset: 2, length: 3 });
  });

  test.each([1, 7, 1_000])('a line of more bytes than are taken is told, in pieces of %d', async (pieceBytes) => {
    const lines = await linesOf(`${'a'.repeat(11)}\n${'b'.repeat(10)}\n${'c'.repeat(40)}`, {
      pieceBytes,
      maxLineBytes: 10,
    });

    expect(textsOf(lines)).toEqual(['too_long', 'bbbbbbbbbb', 'too_long']);
    expect(lines[2]).toMatchObject({ number: 3, offset: 23, length: 40 });
  });

  test.each([1, 1_000])('a mark and a line end do not make a line too long, in pieces of %d', async (pieceBytes) => {
    const lines = await linesOf('\uFEFF0123456789\r\n', { pieceBytes, maxLineBytes: 10 });

    expect(textsOf(lines)).toEqual(['0123456789']);
  });

  test('a line that is too long is not held', async () => {
    const piece = Buffer.alloc(64 * 1024, 'a');
    async function* endless(): AsyncGenerator<Uint8Array> {
      for (let count = 0; count < 1_600; count += 1) yield piece;
    }
    const before = process.memoryUsage().arrayBuffers;

    const lines = await collect(readLines(endless(), { maxLineBytes: 1024 * 1024 }));

    expect(lines).toEqual([{ kind: 'too_long', number: 1, offset: 0, length: 1_600 * piece.length }]);
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(16 * 1024 * 1024);
  });

  test('however it comes in pieces, the lines are those of the whole, at the places that they name', async () => {
    const content = fc.array(fc.constantFrom('a', 'é', '\n', '\r\n', ' ', '🚀', '\uFEFF'), { maxLength: 40 });
    await fc.assert(
      fc.asyncProperty(content, fc.integer({ min: 1, max: 20 }), async (parts, pieceBytes) => {
        const bytes = Buffer.from(parts.join(''));

        const lines = await linesOf(bytes, { pieceBytes });

        const expected = parts
          .join('')
          .replace(/^\uFEFF/, '')
          .split('\n')
          .map((text, index) => ({ number: index + 1, text: text.replace(/\r$/, '') }))
          .filter(({ text }) => !/^[ \r]*$/.test(text));
        expect(
          lines.map(({ number, offset, length }) => ({
            number,
            text: bytes.toString('utf8', offset, offset + length),
          })),
        ).toEqual(expected);
      }),
    );
  });
});
