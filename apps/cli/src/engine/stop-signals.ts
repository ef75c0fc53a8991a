const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
/** npm passes on the Ctrl-C that the terminal has sent to us already: what comes within this time is the same wish. */
const SAME_WISH_MS = 1_000;
const FORCED_EXIT_CODE = 130;

/**
 * The wish to stop, from Ctrl-C or from whoever runs this process.
 * 1. The first aborts `signal`.
 * 2. A later one ends the process at once; what it started goes with it.
 */
export class StopSignals implements Disposable {
  readonly #controller = new AbortController();
  #askedAt: number | undefined;

  constructor() {
    for (const name of SIGNALS) process.on(name, this.#onSignal);
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  readonly #onSignal = (): void => {
    const now = performance.now();
    this.#askedAt ??= now;
    this.#controller.abort();
    if (now - this.#askedAt > SAME_WISH_MS) process.exit(FORCED_EXIT_CODE);
  };

  [Symbol.dispose](): void {
    for (const name of SIGNALS) process.off(name, this.#onSignal);
  }
}
