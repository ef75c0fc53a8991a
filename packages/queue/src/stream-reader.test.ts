import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { Cursor } from './stream-reader.ts';
import type { StreamEvent } from './stream-reader.ts';

interface Parcel {
  readonly run: number;
  readonly first: number;
  readonly chunks: readonly string[];
}

function read(after: number, parcels: readonly Parcel[]): StreamEvent[] {
  const cursor = new Cursor(after);
  return parcels.flatMap((parcel) => [...cursor.take(parcel)]);
}

function seqs(events: readonly StreamEvent[]): number[] {
  return events.filter((event) => event.type === 'chunk').map(({ seq }) => seq);
}

/** One run's chunks 1 to `count`, cut into parcels. */
const stream = fc.array(fc.integer({ min: 1, max: 4 }), { minLength: 1, maxLength: 12 }).map((sizes): Parcel[] => {
  let next = 1;
  return sizes.map((size) => {
    const first = next;
    next += size;
    return { run: 1, first, chunks: Array.from({ length: size }, (_, index) => String(first + index)) };
  });
});

test('parcels that come twice, from the stream and live, yield each chunk once and in order', () => {
  const repeated = stream.chain((parcels) =>
    fc.array(fc.nat({ max: parcels.length - 1 })).map((again) => {
      const upTo = parcels.flatMap((parcel, at) => [
        parcel,
        ...again.filter((index) => index <= at).map((index) => parcels[index] ?? parcel),
      ]);
      return { parcels, upTo };
    }),
  );

  fc.assert(
    fc.property(repeated, ({ parcels, upTo }) => {
      expect(read(0, upTo)).toEqual(read(0, parcels));
      const count = parcels.flatMap(({ chunks }) => chunks).length;
      expect(seqs(read(0, upTo))).toEqual(Array.from({ length: count }, (_, index) => index + 1));
    }),
    { numRuns: 30 },
  );
});

test('a reader that resumes gets exactly what it has not seen', () => {
  fc.assert(
    fc.property(stream, fc.nat({ max: 50 }), (parcels, after) => {
      const all = seqs(read(0, parcels));

      expect(seqs(read(after, parcels))).toEqual(all.filter((seq) => seq > after));
      expect(read(after, parcels).some(({ type }) => type === 'gap')).toBe(false);
    }),
    { numRuns: 30 },
  );
});

test('chunks that were no longer kept are counted as missed', () => {
  const late = [{ run: 1, first: 5, chunks: ['e'] }];

  expect(read(0, late)[0]).toEqual({ type: 'gap', missed: 4 });
  expect(read(2, late)[0]).toEqual({ type: 'gap', missed: 2 });
  expect(read(4, late)).toEqual([{ type: 'chunk', seq: 5, chunk: 'e' }]);
});

test('another run is a restart, but not for a reader that has seen nothing of the run before', () => {
  const parcels = [
    { run: 1, first: 1, chunks: ['a'] },
    { run: 3, first: 2, chunks: ['b'] },
  ];

  expect(read(0, parcels).map(({ type }) => type)).toEqual(['chunk', 'restart', 'chunk']);
  expect(read(0, parcels)[1]).toEqual({ type: 'restart', run: 3 });
  expect(read(0, parcels.slice(1)).map(({ type }) => type)).toEqual(['gap', 'chunk']);
});

test('a newer run whose count starts over is a restart, and none of its chunks is lost', () => {
  const parcels = [
    { run: 1, first: 1, chunks: ['a', 'b', 'c'] },
    { run: 2, first: 1, chunks: ['d'] },
    { run: 1, first: 2, chunks: ['b', 'c'] },
    { run: 2, first: 2, chunks: ['e'] },
  ];

  expect(read(1, parcels)).toEqual([
    { type: 'chunk', seq: 2, chunk: 'b' },
    { type: 'chunk', seq: 3, chunk: 'c' },
    { type: 'restart', run: 2 },
    { type: 'chunk', seq: 1, chunk: 'd' },
    { type: 'chunk', seq: 2, chunk: 'e' },
  ]);
});

test('a newer run that comes live is looked for in the stream, where its first chunks are', () => {
  const cursor = new Cursor(0);
  const first = [...cursor.take({ run: 1, first: 1, chunks: ['a', 'b'] })];

  expect(first).toHaveLength(2);
  expect(cursor.isNext({ run: 1, first: 3, chunks: ['c'] })).toBe(true);
  expect(cursor.isNext({ run: 1, first: 4, chunks: ['d'] })).toBe(false);
  expect(cursor.isNext({ run: 2, first: 3, chunks: ['c'] })).toBe(false);
});

test('it remembers the newest entry that came from the stream itself', () => {
  const cursor = new Cursor(0);

  const read = [
    ...cursor.take({ entry: '1-0', run: 1, first: 1, chunks: ['a'] }),
    ...cursor.take({ run: 1, first: 2, chunks: ['b'] }),
  ];

  expect(read).toHaveLength(2);
  expect(cursor.entry).toBe('1-0');
  expect(cursor.next).toBe(3);
});
