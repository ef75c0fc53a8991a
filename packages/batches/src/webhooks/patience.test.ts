import { describe, expect, test } from 'vitest';
import { WEBHOOK_PATIENCE, webhookBackoff } from './patience.ts';

const MINUTE_MS = 60_000;
const middle = () => 0.5;

describe('the wait of an event for its next attempt', () => {
  test('grows from seconds to hours', () => {
    const waits = [1, 2, 3, 4, 5, 6, 7, 30].map((attempts) => webhookBackoff(attempts, 0, WEBHOOK_PATIENCE, middle));

    expect(waits.map((ms) => ms / 1_000)).toEqual([5, 20, 80, 320, 1_280, 5_120, 14_400, 14_400]);
  });

  test('is spread, so that events which failed together do not come back together', () => {
    expect(webhookBackoff(1, 0, WEBHOOK_PATIENCE, () => 0)).toBe(3_750);
    expect(webhookBackoff(1, 0, WEBHOOK_PATIENCE, () => 1)).toBe(6_250);
  });

  test('is at least what the receiver asks for, up to a day', () => {
    expect(webhookBackoff(1, 10 * MINUTE_MS, WEBHOOK_PATIENCE, middle)).toBe(10 * MINUTE_MS);
    expect(webhookBackoff(1, 10_000 * MINUTE_MS, WEBHOOK_PATIENCE, middle)).toBe(1_440 * MINUTE_MS);
  });
});
