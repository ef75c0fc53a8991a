import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { adapt, initialLimit } from './limit.ts';
import type { LimitState, Observations } from './limit-state.ts';

const NOTHING: Omit<Observations, 'round'> = {
  answered: 0,
  answeredInFullUse: 0,
  refused: 0,
  refusedOfBefore: 0,
  timedOut: 0,
  takesNothing: false,
  firstChunks: { count: 0, sumLogMs: 0 },
  interactive: false,
  contended: false,
};

test.for<[string, Partial<Observations>]>([
  ['refuses', { refused: 1 }],
  ['does not end a request in time', { timedOut: 1 }],
])('a server that %s gets less', ([, seen]) => {
  const state = next(initialLimit(64, 0), seen);

  expect(state.limit).toBeCloseTo(44.8);
});

test('what was sent before a decrease does not decrease the limit by the factor again', () => {
  const once = next(initialLimit(64, 0), { refused: 1 });

  const twice = next(once, { refused: 3, timedOut: 3 }, { round: once.round - 1 });

  expect(twice.limit).toBe(once.limit);
});

test('a burst of refusals says how many the server took', () => {
  const first = next(initialLimit(64, 0), { refused: 1 });

  const all = next(first, { refusedOfBefore: 55 });

  expect(all.limit).toBe(8);
});

test('the limit grows only while all of it is used', () => {
  const low = { ...initialLimit(64, 0), limit: 10 };

  expect(next(low, { answered: 100 }).limit).toBe(10);
  expect(next(low, { answered: 10, answeredInFullUse: 10 }).limit).toBeGreaterThanOrEqual(11);
});

test('once it is known where refusals begin, the limit comes back to just below, and goes beyond only now and then', () => {
  const refused = next({ ...initialLimit(64, 0), limit: 33 }, { refused: 1 });

  const back = times(12, refused, (state) => round(state));
  const later = times(8, back, (state) => round(state));

  expect(back.limit).toBeGreaterThan(31);
  expect(later.limit).toBeLessThan(33);
  expect(times(30, later, (state) => round(state)).limit).toBeGreaterThanOrEqual(33);
});

test('each time the edge holds, the next try is later', () => {
  const refused = next({ ...initialLimit(64, 0), limit: 33 }, { refused: 1 });
  const again = next({ ...refused, limit: 33 }, { refused: 1 });

  expect(again.patience).toBe(refused.patience * 2);
});

test('an edge that gave way is forgotten', () => {
  const refused = next({ ...initialLimit(64, 0), limit: 20 }, { refused: 1 });

  const grown = times(80, { ...refused, interactiveAt: -20_000 }, (state) => round(state));

  expect(grown).toMatchObject({ limit: 64 });
  expect(grown.edge).toBeNull();
});

test('a server that takes nothing is left alone for as long as it asks, else twice as long each time', () => {
  const start = initialLimit(8, 0);
  const asked = next(start, { refused: 1, takesNothing: true, retryAfterMs: 2_000 }, { now: 1_000 });
  const unasked = next(start, { refused: 1, takesNothing: true }, { now: 1_000 });
  const again = next(unasked, { refused: 1, takesNothing: true }, { now: 2_000 });
  const answered = next(again, { answered: 1 }, { now: 3_000 });

  expect(asked.pausedUntil).toBe(3_000);
  expect(unasked.pausedUntil).toBe(1_100);
  expect(again.pausedUntil).toBe(2_200);
  expect(answered.pauses).toBe(0);
});

test('a quota that is back tomorrow is asked for sooner', () => {
  const state = next(initialLimit(8, 0), { refused: 1, takesNothing: true, retryAfterMs: 86_400_000 });

  expect(state.pausedUntil).toBe(300_000);
});

test('a single refusal with a Retry-After pauses nothing: the server takes the others', () => {
  expect(next(initialLimit(8, 0), { refused: 1, retryAfterMs: 2_000 }).pausedUntil).toBe(0);
});

const anything = fc.record({
  answered: fc.nat(10_000),
  answeredInFullUse: fc.nat(10_000),
  refused: fc.nat(50),
  refusedOfBefore: fc.nat(200),
  timedOut: fc.nat(5),
  takesNothing: fc.boolean(),
  firstChunks: fc.record({ count: fc.nat(30), sumLogMs: fc.nat(300) }),
  interactive: fc.boolean(),
  contended: fc.boolean(),
});

test('whatever happens, the limit stays between 1 and its bound, and comes back to the bound when all is well', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 300 }), fc.array(anything, { maxLength: 40 }), (bound, history) => {
      let state = initialLimit(bound, 0);
      for (const [index, seen] of history.entries()) {
        state = next(state, seen, { bound, now: index * 300 });
        expect(state.limit).toBeGreaterThanOrEqual(1);
        expect(state.limit).toBeLessThanOrEqual(bound);
        expect(Number.isFinite(state.rate)).toBe(true);
      }

      const later = times(900, { ...state, interactiveAt: -20_000 }, (well) => round(well, bound));

      expect(later.limit).toBe(bound);
    }),
    { numRuns: 60 },
  );
});

interface At {
  readonly round?: number;
  readonly now?: number;
  readonly bound?: number;
}

function next(state: LimitState, seen: Partial<Observations>, at: At = {}): LimitState {
  const { round = state.round, now = state.at, bound = 64 } = at;
  return adapt(state, { ...NOTHING, ...seen, round }, { bound, now, random: () => 0 }).state;
}

/** As many successes as the limit allows at once. */
function round(state: LimitState, bound = 64): LimitState {
  const count = Math.ceil(state.limit);
  return next(state, { answered: count, answeredInFullUse: count }, { bound, now: state.at + 1_000 });
}

function times(count: number, start: LimitState, step: (state: LimitState) => LimitState): LimitState {
  let state = start;
  for (let index = 0; index < count; index += 1) state = step(state);
  return state;
}
