import type { FirstChunkState, LimitState, Observations, Trial } from './limit-state.ts';

/** Rounds of successes between two tries at an edge. */
export const FIRST_PATIENCE = 16;
export const MAX_PATIENCE = 64;

export const NOTHING_KNOWN: FirstChunkState = { count: 0, sumLogMs: 0, contended: false };

/** Streams whose mean counts as one measurement; far fewer do where they wait for a large part of the limit. */
const WINDOW = 12;
const FEW = 3;
/** Streams may begin later than the base by this part of it. */
const TOLERANCE = 0.25;
/** Or by so many of the server's turns: less cannot be told from chance. */
const TURNS = 0.5;
const BLIND_DECREASE = 0.7;
/** A larger step down might be more than the estimate is good for. */
const LARGEST_STEP = 0.5;

/**
 * Keeps the queue inside a server short while somebody waits for first chunks. A stream that begins later than it could has
 * waited for so many requests as the server ends in that time: by so many the limit is too high. Each decrease is a trial:
 * where streams do not begin sooner, or the server does less, it was no queue, and the limit goes back.
 */
export function adaptToWait(state: LimitState, seen: Observations, now: number): LimitState {
  const count = state.firstChunk.count + seen.firstChunks.count;
  const sumLogMs = state.firstChunk.sumLogMs + seen.firstChunks.sumLogMs;
  const contended = state.firstChunk.contended || seen.contended;
  const gathering = { ...state, firstChunk: { ...state.firstChunk, count, sumLogMs, contended } };
  if (now - state.interactiveAt > FORGOTTEN_MS && state.firstChunk.trial !== undefined) {
    return ended(gathering, state.firstChunk.baseMs);
  }
  if (count < FEW) return gathering;
  // The geometric mean: one stream that met a busy moment says little, a queue makes all of them late.
  const meanMs = Math.exp(sumLogMs / count);
  const { baseMs } = state.firstChunk;
  const gross = baseMs !== undefined && queued(meanMs - baseMs, state.rate) > state.limit * 0.3;
  if (count < WINDOW && !(gross && contended)) return gathering;
  const window = { ...state, firstChunk: { ...state.firstChunk, ...NOTHING_KNOWN } };
  if (!contended) return ended(window, baseMs === undefined ? meanMs : baseMs + (meanMs - baseMs) / 4);
  return judged(window, meanMs);
}

/** Without interactive requests for this long there is nothing to watch. */
const FORGOTTEN_MS = 10_000;

function judged(state: LimitState, meanMs: number): LimitState {
  const { trial, baseMs } = state.firstChunk;
  if (trial === undefined) {
    return baseMs === undefined ? blindStep(state, meanMs) : step(state, meanMs, baseMs);
  }
  // The server does less, so it was no queue: the base was another one, and the limit is as it was.
  if (isCostly(state, trial)) return ended({ ...state, limit: trial.limit }, meanMs);
  if (trial.blind) {
    if (meanMs < trial.lastMs * 0.9) return blindStep(state, meanMs);
    return ended({ ...state, limit: trial.lastLimit }, Math.min(meanMs, trial.lastMs));
  }
  const known = baseMs ?? meanMs;
  const expectedMs = Math.min(trial.lastMs - known, ((trial.lastLimit - state.limit) / state.rate) * 1_000);
  const strikes = trial.lastMs - meanMs >= expectedMs * 0.4 ? 0 : trial.strikes + 1;
  if (strikes >= 2) return ended({ ...state, limit: trial.helpedUntil }, meanMs);
  return step(state, meanMs, known, strikes);
}

function isCostly({ limit, rate }: LimitState, trial: Trial): boolean {
  const part = limit / trial.limit;
  return part <= 0.75 && rate < trial.rate * (1 - (1 - part) / 2);
}

function step(state: LimitState, meanMs: number, baseMs: number, strikes = 0): LimitState {
  const tooLateMs = meanMs - baseMs;
  if (tooLateMs <= Math.max(baseMs * TOLERANCE, (TURNS / state.rate) * 1_000)) {
    return ended(state, meanMs < baseMs ? baseMs + (meanMs - baseMs) / 4 : baseMs);
  }
  const tooMany = Math.min(Math.max(1, queued(tooLateMs, state.rate)), state.limit * LARGEST_STEP);
  return lowered(state, { limit: state.limit - tooMany, meanMs, strikes, blind: false });
}

function blindStep(state: LimitState, meanMs: number): LimitState {
  return lowered(state, { limit: state.limit * BLIND_DECREASE, meanMs, strikes: 0, blind: true });
}

interface Step {
  readonly limit: number;
  readonly meanMs: number;
  readonly strikes: number;
  readonly blind: boolean;
}

function lowered(state: LimitState, { limit, meanMs, strikes, blind }: Step): LimitState {
  const { trial } = state.firstChunk;
  const lower = Math.max(1, limit);
  // At 1 there is nothing to be tried.
  if (lower === state.limit) return ended(state, meanMs);
  return {
    ...state,
    limit: lower,
    ...lowerEdge(state, Math.floor(lower) + 1),
    firstChunk: {
      ...state.firstChunk,
      trial: {
        limit: trial?.limit ?? state.limit,
        rate: trial?.rate ?? state.rate,
        lastLimit: state.limit,
        lastMs: meanMs,
        helpedUntil: strikes === 0 || trial === undefined ? state.limit : trial.helpedUntil,
        strikes,
        blind,
      },
    },
  };
}

/** Where it was known before, it is tried less often. */
function lowerEdge({ edge: before, patience }: LimitState, edge: number): Pick<LimitState, 'edge' | 'patience'> {
  const again = before !== null && Math.abs(before - edge) <= Math.max(2, edge / 10);
  return { edge: Math.max(2, edge), patience: again ? Math.min(patience * 2, MAX_PATIENCE) : FIRST_PATIENCE };
}

/** What was gathered and tried is void, since the limit changed for another reason. */
export function startedOver({ baseMs }: FirstChunkState): FirstChunkState {
  return { ...NOTHING_KNOWN, ...(baseMs !== undefined && { baseMs }) };
}

/** The trial is over. */
function ended(state: LimitState, baseMs: number | undefined): LimitState {
  const { count, sumLogMs, contended } = state.firstChunk;
  return { ...state, firstChunk: { count, sumLogMs, contended, ...(baseMs !== undefined && { baseMs }) } };
}

/** Requests that a server ends in that time. */
function queued(ms: number, rate: number): number {
  return (ms / 1_000) * rate;
}
