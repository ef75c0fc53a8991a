import { expect, test } from 'vitest';
import { drawLatency } from './latency.ts';
import type { Latency } from './latency.ts';
import { seededRandom } from './random.ts';

test.for<{ latency: Latency; median: number; within: number }>([
  { latency: { kind: 'fixed', ms: 40 }, median: 40, within: 0 },
  { latency: { kind: 'uniform', minMs: 20, maxMs: 60 }, median: 40, within: 3 },
  { latency: { kind: 'normal', meanMs: 40, deviationMs: 5 }, median: 40, within: 1 },
  { latency: { kind: 'lognormal', medianMs: 40, sigma: 0.5 }, median: 40, within: 3 },
])('$latency.kind latencies lie around their middle', ({ latency, median, within }) => {
  const draws = sorted(latency, 2000);

  expect(Math.abs((draws[1000] ?? 0) - median)).toBeLessThanOrEqual(within);
});

test('uniform latencies stay between their bounds, and no latency is negative', () => {
  const uniform = sorted({ kind: 'uniform', minMs: 20, maxMs: 60 }, 500);
  const normal = sorted({ kind: 'normal', meanMs: 0, deviationMs: 50 }, 500);

  expect(uniform[0]).toBeGreaterThanOrEqual(20);
  expect(uniform.at(-1)).toBeLessThanOrEqual(60);
  expect(normal[0]).toBe(0);
});

test('a lognormal latency has a long tail', () => {
  const draws = sorted({ kind: 'lognormal', medianMs: 40, sigma: 1 }, 2000);

  expect(draws[1980]).toBeGreaterThan(200);
});

function sorted(latency: Latency, count: number): readonly number[] {
  const random = seededRandom(7);
  return Array.from({ length: count }, () => drawLatency(latency, random)).toSorted((a, b) => a - b);
}
