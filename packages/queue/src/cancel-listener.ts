import type { QueueConnection } from './connection.ts';

interface CancelListenerOptions {
  /** Ids of the jobs that run here. */
  readonly running: () => readonly string[];
  readonly stop: (jobId: string) => void;
  readonly onTrouble: (error: Error) => void;
}

const SWEEP_MS = 1_500;
/** A cancellation may be heard before the job that it is for has arrived here. */
const REMEMBERED_MS = 10_000;

/**
 * Stops jobs that were cancelled elsewhere.
 * 1. Hears of a cancellation at once, over the shared subscription.
 * 2. Remembers for a moment those that came before their job did.
 * 3. Looks for records of the jobs that run every second or so, since a published message may be lost.
 */
export class CancelListener implements Disposable {
  readonly #connection: QueueConnection;
  readonly #options: CancelListenerOptions;
  readonly #early = new Map<string, number>();
  #subscription: Disposable | undefined;
  #timer: NodeJS.Timeout | undefined;

  constructor(connection: QueueConnection, options: CancelListenerOptions) {
    this.#connection = connection;
    this.#options = options;
  }

  async start(): Promise<void> {
    const { wakeups, keys } = this.#connection;
    this.#subscription = await wakeups.listen(keys.cancelChannel, (wake) => {
      if (wake.kind === 'message') this.#heard(wake.text);
    });
    this.#schedule();
  }

  wasCancelled(jobId: string): boolean {
    return this.#early.size > 0 && this.#early.has(jobId);
  }

  #heard(jobId: string): void {
    const now = Date.now();
    // In the order of their arrival, so that the first one to be kept ends the search.
    for (const [id, at] of this.#early) {
      if (now - at <= REMEMBERED_MS) break;
      this.#early.delete(id);
    }
    this.#early.set(jobId, now);
    this.#options.stop(jobId);
  }

  #schedule(): void {
    this.#timer = setTimeout(
      () => {
        // Owned by nobody after a stop: it only reads, and where Redis is away it would be waited for in vain.
        void this.#sweep()
          .catch((error: unknown) => this.#options.onTrouble(error instanceof Error ? error : new Error(String(error))))
          .finally(() => this.#timer !== undefined && this.#schedule());
      },
      SWEEP_MS * (0.75 + Math.random() / 4),
    );
  }

  async #sweep(): Promise<void> {
    const ids = this.#options.running();
    if (ids.length === 0) return;
    const { redis, keys } = this.#connection;
    const pipeline = redis.pipeline();
    for (const id of ids) pipeline.exists(keys.record(id));
    const replies = (await pipeline.exec()) ?? [];
    for (const [index, id] of ids.entries()) if (replies[index]?.[1] === 1) this.#options.stop(id);
  }

  [Symbol.dispose](): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#subscription?.[Symbol.dispose]();
  }
}
