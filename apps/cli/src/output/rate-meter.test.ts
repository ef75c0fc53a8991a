import { expect, test } from 'vitest';
import { RateMeter } from './rate-meter.ts';

function meterOf(samples: readonly (readonly [count: number, atMs: number])[]): RateMeter {
  const meter = new RateMeter();
  for (const [count, atMs] of samples) meter.add(count, atMs);
  return meter;
}

test('a rate is not known from one look, nor from two that are close together', () => {
  expect(meterOf([]).perSecond).toBeUndefined();
  expect(meterOf([[100, 0]]).perSecond).toBeUndefined();
  expect(
    meterOf([
      [100, 0],
      [200, 100],
    ]).perSecond,
  ).toBeUndefined();
});

test('what had ended before the first look does not count', () => {
  const meter = meterOf([
    [9_000, 0],
    [9_100, 1_000],
  ]);

  expect(meter.perSecond).toBe(100);
});

test('results that arrive in groups are smoothed', () => {
  const meter = meterOf([
    [0, 0],
    [200, 1_000],
    [200, 2_000],
    [400, 3_000],
    [400, 4_000],
  ]);

  expect(meter.perSecond).toBe(100);
});

test('what was long ago is forgotten', () => {
  const meter = new RateMeter();
  for (let second = 0; second <= 60; second += 1)
    meter.add(second < 30 ? second * 1_000 : 30_000 + second, second * 1_000);

  expect(meter.perSecond).toBe(1);
});

test('after a reset it begins anew', () => {
  const meter = meterOf([
    [0, 0],
    [100, 1_000],
  ]);

  meter.reset();
  meter.add(100, 60_000);

  expect(meter.perSecond).toBeUndefined();
});
