import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { JOB_STATES, LEGAL_TRANSITIONS, TERMINAL_STATES, canTransition, isTerminal } from './states.ts';
import type { JobState } from './states.ts';

const state = fc.constantFrom(...JOB_STATES);

/** Where a job ends up that is asked to go through these states, and refuses what is not legal. */
function walk(start: JobState, wishes: readonly JobState[]): JobState {
  return wishes.reduce((at, wish) => (canTransition(at, wish) ? wish : at), start);
}

test('a terminal state never changes, whatever is asked of it', () => {
  fc.assert(
    fc.property(fc.constantFrom(...TERMINAL_STATES), fc.array(state), (end, wishes) => {
      expect(walk(end, wishes)).toBe(end);
    }),
  );
});

test('the table is closed: every state has a row, and every row names states', () => {
  const rows = Object.entries(LEGAL_TRANSITIONS);

  expect(rows.map(([from]) => from).toSorted()).toEqual([...JOB_STATES].toSorted());
  for (const [, following] of rows) expect(JOB_STATES).toEqual(expect.arrayContaining([...following]));
});

test('no state follows itself', () => {
  for (const at of JOB_STATES) expect(canTransition(at, at)).toBe(false);
});

test('the terminal states are those that nothing follows', () => {
  expect(JOB_STATES.filter((at) => isTerminal(at))).toEqual([...TERMINAL_STATES]);
});

test('every state is reached from a new job, and every job can still end', () => {
  const reachable = (start: JobState): ReadonlySet<JobState> => {
    const seen = new Set<JobState>([start]);
    for (const at of seen) for (const next of LEGAL_TRANSITIONS[at]) seen.add(next);
    return seen;
  };

  expect(reachable('scheduled').size).toBe(JOB_STATES.length);
  for (const at of JOB_STATES) expect([...reachable(at)].some((end) => isTerminal(end))).toBe(true);
});

test('a hand-over and a retry go back, a job that waits does not succeed by itself', () => {
  expect(canTransition('running', 'queued')).toBe(true);
  expect(canTransition('running', 'scheduled')).toBe(true);
  expect(canTransition('queued', 'succeeded')).toBe(false);
  expect(canTransition('scheduled', 'running')).toBe(false);
});
