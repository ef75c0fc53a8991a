const BASE_MS = 500;
const CAP_MS = 30_000;

/** How long a line waits before it is tried again, in milliseconds; `tries` counts those that were made, from 1. */
export function lineBackoff(tries: number, retryAfterMs = 0, random: () => number = Math.random): number {
  const grown = Math.min(BASE_MS * 2 ** (tries - 1), CAP_MS);
  return Math.max(retryAfterMs, grown * (0.5 + random() / 2));
}
