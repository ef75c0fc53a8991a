/** Long enough to smooth results that arrive in groups, short enough to follow what changes. */
const WINDOW_MS = 20_000;
const LEAST_MS = 500;

/** How fast a count grows: by what it has grown lately. */
export class RateMeter {
  #samples: { readonly count: number; readonly atMs: number }[] = [];

  /** Per second; undefined while too little is known. */
  get perSecond(): number | undefined {
    const [first, last] = [this.#samples[0], this.#samples.at(-1)];
    if (first === undefined || last === undefined || last.atMs - first.atMs < LEAST_MS) return undefined;
    return ((last.count - first.count) * 1_000) / (last.atMs - first.atMs);
  }

  add(count: number, atMs: number): void {
    this.#samples.push({ count, atMs });
    // One sample from before the window stays, so that the rate is that of the whole window.
    const start = this.#samples.findLastIndex((sample) => sample.atMs <= atMs - WINDOW_MS);
    if (start > 0) this.#samples = this.#samples.slice(start);
  }

  /** Forgets what it knows: what comes next has nothing to do with it. */
  reset(): void {
    this.#samples = [];
  }
}
