const LOOK_BACK_MS = 5 * 60_000;

/**
 * What evictions are counted from. Several may ask for a report, and the first must not take the bad news from the rest:
 * so the look that is compared with is kept for five minutes.
 */
export class EvictionBaseline {
  readonly #now: () => number;
  #look: { readonly evicted: number; readonly at: number } | undefined;

  /** `now` in Unix milliseconds. */
  constructor(now: () => number = Date.now) {
    this.#now = now;
  }

  /** The count to compare `evicted` with; undefined at the first look, and after a restart of Redis. */
  before(evicted: number): number | undefined {
    const look = this.#look;
    const now = this.#now();
    if (look === undefined || evicted < look.evicted || now - look.at > LOOK_BACK_MS) {
      this.#look = { evicted, at: now };
    }
    return look !== undefined && look.evicted <= evicted ? look.evicted : undefined;
  }
}
