import { expect, test } from 'vitest';
import { SeenIds } from './seen-ids.ts';

test('of thousands of ids only the one that comes again is known, with its first line', () => {
  const ids = new SeenIds();
  const lines = Array.from({ length: 5_000 }, (_, index) => index + 1);

  const known = lines.filter((line) => ids.note(`request-${line}`, line) !== undefined);

  expect(known).toEqual([]);
  expect(ids.note('request-1', 6_000)).toBe(1);
  expect(ids.note('request-4999', 6_001)).toBe(4_999);
  expect(ids.note('request-6001', 6_002)).toBeUndefined();
});

test('ids that differ in one character, or in the order of two, are different', () => {
  const ids = new SeenIds();

  const known = ['ab', 'ba', 'a', 'b', 'aa', 'Ab', 'a\u0000', '\ud800', '\ud801'].map((id, at) => ids.note(id, at + 1));

  expect(known.every((line) => line === undefined)).toBe(true);
});
