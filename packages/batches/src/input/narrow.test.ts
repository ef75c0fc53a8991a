import { expect, test } from 'vitest';
import { narrow } from './narrow.ts';

/** Takes lists of lists of numbers that are not negative. */
function takes(value: unknown): boolean {
  return Array.isArray(value) ? value.every(takes) : typeof value === 'number' && value >= 0;
}

test.each([
  [[-1, -1, -1], [-1]],
  [
    [1, 2, 3, -1, -1, 6],
    [1, 2, 3, -1],
  ],
  [
    [[1, 2, 3], [4], [5, 6, -7, 8], 9],
    [[1, 2, 3], [4], [5, 6, -7]],
  ],
])('%j is cut to %j', (value, expected) => {
  expect(narrow(value, takes)).toEqual(expected);
});

test('objects keep all of their fields, and lists in them are cut', () => {
  const value = JSON.parse('{"a":[1,2,3],"__proto__":"own","b":"wrong"}') as unknown;

  expect(JSON.stringify(narrow(value, () => false))).toBe('{"a":[1],"__proto__":"own","b":"wrong"}');
});

test('a value that is refused only as a whole stays whole', () => {
  const value = [1, 2, 3, 4, 5];

  expect(narrow(value, (start) => (start as readonly number[]).length < 5)).toEqual(value);
});
