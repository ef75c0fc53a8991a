import { expect, test } from 'vitest';
import { Hysteresis } from './hysteresis.ts';

test('a short trouble does not show, a long one does, and the end of it shows at once', () => {
  let now = 0;
  const redis = new Hysteresis({ holdMs: 10_000, now: () => now });

  const before = redis.observe(true);
  now = 1_000;
  const lost = redis.observe(false);
  now = 10_999;
  const stillShort = redis.observe(false);
  now = 11_000;
  const long = redis.observe(false);
  const back = redis.observe(true);
  const lostAgain = redis.observe(false);

  expect([before, lost, stillShort, long, back, lostAgain]).toEqual([true, true, true, false, true, true]);
});

test('what has never been good is not', () => {
  const redis = new Hysteresis();

  expect(redis.observe(false)).toBe(false);
});
