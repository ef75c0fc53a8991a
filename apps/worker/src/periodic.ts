interface PeriodicOptions {
  readonly everyMs: number;
  /** Bound on one run, in milliseconds. */
  readonly limitMs: number;
  readonly work: (signal: AbortSignal) => Promise<void>;
  readonly onTrouble: (error: Error) => void;
}

/** Work that is done again and again, one run at a time, with jitter so that a fleet does not act as one. */
export class Periodic implements AsyncDisposable {
  readonly #options: PeriodicOptions;
  readonly #stop = new AbortController();
  #timer: NodeJS.Timeout | undefined;
  #running: Promise<void> = Promise.resolve();

  constructor(options: PeriodicOptions) {
    this.#options = options;
  }

  /** Resolves after the first run. */
  async start(): Promise<void> {
    await this.#run();
    this.#schedule();
  }

  #schedule(): void {
    if (this.#stop.signal.aborted) return;
    this.#timer = setTimeout(
      () => {
        this.#running = this.#run().finally(() => this.#schedule());
      },
      this.#options.everyMs * (0.8 + Math.random() / 5),
    );
  }

  async #run(): Promise<void> {
    const { work, limitMs, onTrouble } = this.#options;
    const signal = AbortSignal.any([this.#stop.signal, AbortSignal.timeout(limitMs)]);
    const { promise: givenUp, reject } = Promise.withResolvers<never>();
    signal.addEventListener('abort', () => reject(signal.reason), { once: true });
    try {
      // Work that waits for a Redis that is away cannot hear the signal: it is left behind.
      await Promise.race([work(signal), givenUp]);
    } catch (error) {
      if (!this.#stop.signal.aborted) onTrouble(error instanceof Error ? error : new Error(String(error)));
    }
  }

  /** Aborts the run that is under way. */
  async [Symbol.asyncDispose](): Promise<void> {
    clearTimeout(this.#timer);
    this.#stop.abort();
    await this.#running;
  }
}
