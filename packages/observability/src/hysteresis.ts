export interface HysteresisOptions {
  /** How long something must be amiss before it counts, in milliseconds. Default 10,000. */
  readonly holdMs?: number;
  /** Any clock in milliseconds that only goes forward. */
  readonly now?: () => number;
}

/**
 * Keeps a short trouble from changing an answer: it turns bad only after `holdMs` without a good sign, and good at once.
 * Before the first good sign it is bad.
 */
export class Hysteresis {
  readonly #holdMs: number;
  readonly #now: () => number;
  #amissSince: number | undefined = -Infinity;

  constructor({ holdMs = 10_000, now = () => performance.now() }: HysteresisOptions = {}) {
    this.#holdMs = holdMs;
    this.#now = now;
  }

  /** Takes note of how it stands now; says whether that still counts as good. */
  observe(good: boolean): boolean {
    if (good) {
      this.#amissSince = undefined;
      return true;
    }
    this.#amissSince ??= this.#now();
    return this.#now() - this.#amissSince < this.#holdMs;
  }
}
