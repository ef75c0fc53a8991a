export interface CircuitOptions {
  /** Failures in a row after which the endpoint rests. Default 3. */
  readonly failuresToRest?: number;
  /** Length of the first rest in milliseconds, before jitter; it doubles with each failed probe. Default 1,000. */
  readonly restMs?: number;
  /** Longest rest in milliseconds, before jitter. Default 30,000. */
  readonly maxRestMs?: number;
  /** Unix milliseconds. */
  readonly now?: () => number;
  /** From 0 to 1. */
  readonly random?: () => number;
}

/** `closed` takes requests; `resting` should be left alone; `probe-due` wants one request to see whether it is back. */
export type CircuitState = 'closed' | 'resting' | 'probe-due';

/** Remembers whether an endpoint answers, so that requests go where they are served. */
export class Circuit {
  readonly #failuresToRest: number;
  readonly #restMs: number;
  readonly #maxRestMs: number;
  readonly #now: () => number;
  readonly #random: () => number;
  #failures = 0;
  #rests = 0;
  #restsUntil = 0;
  #probing = false;

  constructor(options: CircuitOptions = {}) {
    this.#failuresToRest = options.failuresToRest ?? 3;
    this.#restMs = options.restMs ?? 1000;
    this.#maxRestMs = options.maxRestMs ?? 30_000;
    this.#now = options.now ?? Date.now;
    this.#random = options.random ?? Math.random;
  }

  get state(): CircuitState {
    if (this.#rests === 0) return 'closed';
    return this.#probing || this.#now() < this.#restsUntil ? 'resting' : 'probe-due';
  }

  /** When the rest ends, in Unix milliseconds; 0 while closed. */
  get restsUntil(): number {
    return this.#restsUntil;
  }

  /** A request goes out. One that goes out while a probe is due is that probe. */
  started(): void {
    if (this.state === 'probe-due') this.#probing = true;
  }

  /** The endpoint answered, whatever it said. */
  answered(): void {
    this.#failures = 0;
    this.#rests = 0;
    this.#restsUntil = 0;
    this.#probing = false;
  }

  /** The endpoint could not be reached, or said that it cannot serve. */
  failed(): void {
    this.#failures += 1;
    this.#probing = false;
    if (this.#failures < this.#failuresToRest) return;
    // Requests that were under way when the rest began say nothing new.
    if (this.#now() < this.#restsUntil) return;
    const restMs = Math.min(this.#restMs * 2 ** this.#rests, this.#maxRestMs);
    this.#rests += 1;
    // Between half and the whole, so that the workers of a fleet do not probe in step.
    this.#restsUntil = this.#now() + restMs * (0.5 + this.#random() / 2);
  }

  /** The request ended without saying anything about the endpoint: it was aborted. */
  undecided(): void {
    this.#probing = false;
  }
}
