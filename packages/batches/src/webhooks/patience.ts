const HOUR_MS = 3_600_000;

export interface WebhookPatience {
  /** How long the receiver may take to answer. */
  readonly timeoutMs: number;
  /** Wait after the first attempt; four times as long after each further one. */
  readonly baseMs: number;
  readonly capMs: number;
  /** What a receiver may ask for with `Retry-After`. */
  readonly maxRetryAfterMs: number;
  /** An event that could not be delivered for so long is given up. */
  readonly giveUpMs: number;
}

/** Attempts after about 5 s, 20 s, 80 s, 5 min, 21 min, 85 min, then every four hours, for three days. */
export const WEBHOOK_PATIENCE: WebhookPatience = {
  timeoutMs: 10_000,
  baseMs: 5_000,
  capMs: 4 * HOUR_MS,
  maxRetryAfterMs: 24 * HOUR_MS,
  giveUpMs: 72 * HOUR_MS,
};

const GROWTH = 4;

/** How long an event waits for its next attempt, in milliseconds; `attempts` counts those that were made, from 1. */
export function webhookBackoff(
  attempts: number,
  retryAfterMs = 0,
  { baseMs, capMs, maxRetryAfterMs }: WebhookPatience = WEBHOOK_PATIENCE,
  random: () => number = Math.random,
): number {
  const grown = Math.min(baseMs * GROWTH ** (attempts - 1), capMs);
  return Math.max(Math.min(retryAfterMs, maxRetryAfterMs), grown * (0.75 + random() / 2));
}
