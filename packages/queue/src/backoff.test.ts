import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { DEFAULT_BACKOFF, backoffDelay } from './backoff.ts';

const HOUR_MS = 3_600_000;
const attempts = fc.integer({ min: 1, max: 100 });
const chance = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });
const settings = fc.record({
  baseMs: fc.integer({ min: 1, max: 5_000 }),
  capMs: fc.integer({ min: 5_000, max: 120_000 }),
});

test('a delay of our own lies in the upper half of the doubled, capped one', () => {
  fc.assert(
    fc.property(attempts, settings, chance, (failed, backoff, random) => {
      const full = Math.min(backoff.baseMs * 2 ** (failed - 1), backoff.capMs);

      const delay = backoffDelay(failed, undefined, backoff, () => random);

      expect(delay).toBeGreaterThanOrEqual(Math.floor(full / 2));
      expect(delay).toBeLessThanOrEqual(full);
    }),
  );
});

test('a later attempt never waits for less, with the same luck', () => {
  fc.assert(
    fc.property(attempts, settings, chance, (failed, backoff, random) => {
      const delay = (count: number): number => backoffDelay(count, undefined, backoff, () => random);

      expect(delay(failed + 1)).toBeGreaterThanOrEqual(delay(failed));
    }),
  );
});

test("a server's Retry-After is never undercut, up to an hour, and is jittered upwards only", () => {
  fc.assert(
    fc.property(
      attempts,
      fc.integer({ min: 0, max: 2 * HOUR_MS }),
      settings,
      chance,
      (failed, asked, backoff, random) => {
        const delay = backoffDelay(failed, asked, backoff, () => random);

        expect(delay).toBeGreaterThanOrEqual(Math.min(asked, HOUR_MS));
        expect(delay).toBeLessThanOrEqual(Math.max(backoff.capMs, Math.min(asked, HOUR_MS) + backoff.baseMs));
      },
    ),
  );
});

test('a delay is a whole number of milliseconds, as BullMQ wants it', () => {
  fc.assert(
    fc.property(
      attempts,
      fc.option(fc.double({ min: 0, max: 1e9, noNaN: true }), { nil: undefined }),
      (failed, asked) => {
        expect(Number.isInteger(backoffDelay(failed, asked))).toBe(true);
      },
    ),
  );
});

test('jobs that failed together do not come back together', () => {
  const delays = Array.from({ length: 100 }, () => backoffDelay(10, undefined));

  expect(new Set(delays).size).toBeGreaterThan(50);
});

test('by default the first retry comes within half a second, and none later than 30 seconds', () => {
  expect(backoffDelay(1, undefined, DEFAULT_BACKOFF, () => 0.999)).toBeLessThanOrEqual(500);
  expect(backoffDelay(50, undefined, DEFAULT_BACKOFF, () => 0.999)).toBeLessThanOrEqual(30_000);
});
