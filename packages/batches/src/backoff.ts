const BASE_MS = 500;
const CAP_MS = 30_000;
/** A server that asks for days is asked again sooner; and a timer of more than 24 days would end at once. */
const LONGEST_ASKED_MS = 3_600_000;

/** How long a line waits before it is tried again, in milliseconds; `tries` counts those that were made, from 1. */
export function lineBackoff(tries: number, retryAfterMs = 0, random: () => number = Math.random): number {
  const grown = Math.min(BASE_MS * 2 ** (tries - 1), CAP_MS);
  return Math.max(Math.min(retryAfterMs, LONGEST_ASKED_MS), grown * (0.5 + random() / 2));
}
