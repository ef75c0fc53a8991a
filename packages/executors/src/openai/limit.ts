import type { DecreaseReason } from '@llm-engine/contracts';
import { adaptToWait, FIRST_PATIENCE, MAX_PATIENCE, NOTHING_KNOWN, startedOver } from './first-chunk-wait.ts';
import type { LimitState, Observations } from './limit-state.ts';

interface Bounds {
  /** Largest limit. */
  readonly bound: number;
  /** Unix milliseconds. */
  readonly now: number;
  /** From 0 to 1. */
  readonly random?: () => number;
}

/** What a limit is multiplied with when the server refuses or times out. */
export const DECREASE = 0.7;
const FIRST_PAUSE_MS = 100;
const LONGEST_OWN_PAUSE_MS = 30_000;
/** A server that asks for hours, as for a quota of the day, is asked again sooner: the quota may have been raised. */
export const LONGEST_PAUSE_MS = 300_000;
/** How long after an interactive request somebody counts as waiting. */
const WATCHED_MS = 10_000;
/** Over which time the rate is averaged. */
const RATE_MS = 2_000;

export function initialLimit(bound: number, now: number): LimitState {
  return {
    limit: bound,
    edge: null,
    patience: FIRST_PATIENCE,
    round: 0,
    refused: { limit: bound, count: 0 },
    pausedUntil: 0,
    pauses: 0,
    interactiveAt: 0,
    at: now,
    rate: 0,
    firstChunk: NOTHING_KNOWN,
  };
}

/**
 * How the limit goes on after what was seen: up by steps while all of it is used and answered, down by a factor, once a
 * round, when the server refuses or times out, and to where the queue inside the server ends when streams begin late.
 */
export function adapt(
  before: LimitState,
  seen: Observations,
  { bound, now, random = Math.random }: Bounds,
): { readonly state: LimitState; readonly decreased?: DecreaseReason } {
  const state = measured({ ...before, limit: clamp(before.limit, bound) }, seen, now);
  const current = seen.round === state.round;
  if (current && seen.refused > 0) {
    return { state: paused(refused(state, seen.refused), seen, now, random), decreased: 'refused' };
  }
  if (current && seen.timedOut > 0) return { state: decreased(state), decreased: 'timeout' };
  const shed = paused(shedMore(state, seen), seen, now, random);
  if (!current) return { state: shed };
  const adapted = adaptToWait(shed, seen, now);
  if (adapted.limit < shed.limit) return { state: { ...adapted, round: adapted.round + 1 }, decreased: 'slow' };
  return { state: { ...adapted, ...grown(adapted, seen, { bound, now }) } };
}

function measured(state: LimitState, { answered, interactive }: Observations, now: number): LimitState {
  const passedMs = Math.max(0, now - state.at);
  // What came at one moment belongs to a span of time that is not known yet.
  const rate =
    passedMs === 0
      ? state.rate
      : state.rate + ((answered / passedMs) * 1_000 - state.rate) * (1 - Math.exp(-passedMs / RATE_MS));
  return {
    ...state,
    rate,
    at: Math.max(now, state.at),
    pauses: answered > 0 ? 0 : state.pauses,
    interactiveAt: interactive ? now : state.interactiveAt,
  };
}

function refused(state: LimitState, count: number): LimitState {
  const lower = decreased(state);
  return shedBy({ ...lower, refused: { limit: state.limit, count } });
}

function decreased(state: LimitState): LimitState {
  const { limit, edge } = state;
  // Trouble far below the edge says that it is not there, or not a matter of the limit at all.
  const moved = edge !== null && limit < edge * 0.9;
  const again = edge !== null && !moved;
  return {
    ...state,
    edge: moved ? null : Math.max(2, Math.ceil(limit)),
    patience: again ? Math.min(state.patience * 2, MAX_PATIENCE) : FIRST_PATIENCE,
    limit: Math.max(1, limit * DECREASE),
    round: state.round + 1,
    firstChunk: startedOver(state.firstChunk),
  };
}

/** Refusals of what was sent before the last decrease do not decrease it again by the factor: they say by how many it was too high. */
function shedMore(state: LimitState, { round, refusedOfBefore, refused: refusedThen }: Observations): LimitState {
  const count = refusedOfBefore + (round === state.round - 1 ? refusedThen : 0);
  if (count === 0) return state;
  return shedBy({ ...state, refused: { ...state.refused, count: state.refused.count + count } });
}

function shedBy(state: LimitState): LimitState {
  const { limit, count } = state.refused;
  return { ...state, limit: Math.max(1, Math.min(state.limit, limit - count)) };
}

function paused(state: LimitState, seen: Observations, now: number, random: () => number): LimitState {
  if (!seen.takesNothing) return state;
  // Refusals of what was under way when the pause began say nothing new, unless they ask for longer.
  if (now < state.pausedUntil && seen.retryAfterMs === undefined) return state;
  const own = Math.min(FIRST_PAUSE_MS * 2 ** state.pauses, LONGEST_OWN_PAUSE_MS);
  const ms = seen.retryAfterMs === undefined ? own : Math.min(seen.retryAfterMs, LONGEST_PAUSE_MS);
  // A little longer than asked for, and differently each time, so that a fleet does not come back in one blow.
  const until = now + ms * (1 + random() / 10);
  return {
    ...state,
    pausedUntil: Math.max(state.pausedUntil, until),
    pauses: now < state.pausedUntil ? state.pauses : state.pauses + 1,
  };
}

interface Growth {
  readonly limit: number;
  readonly edge?: number | null;
  readonly patience?: number;
}

function grown(state: LimitState, seen: Observations, { bound, now }: Bounds): Growth {
  const { limit, edge, patience, firstChunk } = state;
  if (seen.answeredInFullUse === 0 || firstChunk.trial !== undefined) return { limit };
  const rounds = seen.answeredInFullUse / limit;
  if (edge === null) return { limit: clamp(limit + Math.max(1, limit / 8) * rounds, bound) };
  const below = edge - 1;
  // Half the way back in each round: the edge is known, and each slot below it is work done.
  if (limit < below) return { limit: clamp(Math.min(below, limit + Math.max(1, (below - limit) / 2) * rounds), bound) };
  if (limit < edge) return { limit: clamp(Math.min(edge, limit + rounds / patience), bound) };
  // While somebody waits, each step is watched for as long as it takes to see what it does to him.
  const watched = now - state.interactiveAt < WATCHED_MS;
  const tried = clamp(limit + rounds / (watched ? patience : 1), bound);
  if (tried < edge + 1) return { limit: tried };
  return { limit: tried, edge: watched ? Math.ceil(tried * 1.1) + 1 : null, patience: FIRST_PATIENCE };
}

function clamp(limit: number, bound: number): number {
  return Math.min(bound, Math.max(1, limit));
}
