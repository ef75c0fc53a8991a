import { expect, test } from 'vitest';
import { lineBackoff } from './backoff.ts';

const least = (): number => 0;
const most = (): number => 1;

test('the wait doubles with each try, up to half a minute', () => {
  const waits = [1, 2, 3, 4, 7, 20, 2_000].map((tries) => lineBackoff(tries, 0, most));

  expect(waits).toEqual([500, 1_000, 2_000, 4_000, 30_000, 30_000, 30_000]);
});

test('up to half of a wait is left to chance, so that lines that failed together do not come back together', () => {
  expect([lineBackoff(2, 0, least), lineBackoff(2, 0, most)]).toEqual([500, 1_000]);
});

test('a server that says how long to wait is not asked before', () => {
  expect(lineBackoff(1, 60_000, least)).toBe(60_000);
  expect(lineBackoff(3, 10, least)).toBe(1_000);
});

test('a server that asks for days is asked again within the hour', () => {
  expect(lineBackoff(1, 30 * 86_400_000, least)).toBe(3_600_000);
});
