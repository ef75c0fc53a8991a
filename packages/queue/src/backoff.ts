export interface Backoff {
  /** Delay after the first failed attempt, in milliseconds. Default 500. */
  readonly baseMs: number;
  /** Longest delay of our own choosing, in milliseconds. Default 30 s. */
  readonly capMs: number;
}

export const DEFAULT_BACKOFF: Backoff = { baseMs: 500, capMs: 30_000 };

/** A server may ask for more patience than our own cap, but not for more than this. */
const RETRY_AFTER_CAP_MS = 3_600_000;

/**
 * How long to wait before the next attempt, in milliseconds: doubling, capped, with the upper half jittered so that jobs
 * which failed together do not come back together. A server's `Retry-After` is obeyed, and jittered upwards only.
 */
export function backoffDelay(
  failedAttempts: number,
  retryAfterMs: number | undefined,
  { baseMs, capMs }: Backoff = DEFAULT_BACKOFF,
  random: () => number = Math.random,
): number {
  const own = Math.min(baseMs * 2 ** (failedAttempts - 1), capMs) * (0.5 + random() / 2);
  const asked = Math.min(retryAfterMs ?? 0, RETRY_AFTER_CAP_MS);
  return Math.round(asked > own ? asked + random() * baseMs : own);
}
