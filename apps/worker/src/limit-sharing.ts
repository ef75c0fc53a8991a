import type { ExecutorRegistry } from '@llm-engine/executors';
import { SharedLimits } from '@llm-engine/queue';
import type { QueueConnection } from '@llm-engine/queue';
import { Periodic } from './periodic.ts';

interface LimitSharingOptions {
  readonly connection: QueueConnection;
  readonly executors: Pick<ExecutorRegistry, 'shareLimits' | 'leaveLimits'>;
  readonly onTrouble: (error: Error) => void;
}

const SHARE_MS = 300;
const LIMIT_MS = 3_000;

/** Agrees with the other workers, several times a second, on how many requests each may have at the endpoints that they share. */
export class LimitSharing implements AsyncDisposable {
  readonly #options: LimitSharingOptions;
  readonly #limits: SharedLimits;
  readonly #periodic: Periodic;

  constructor(options: LimitSharingOptions) {
    this.#options = options;
    this.#limits = new SharedLimits(options.connection);
    this.#periodic = new Periodic({
      everyMs: SHARE_MS,
      limitMs: LIMIT_MS,
      work: () => this.#share(),
      onTrouble: options.onTrouble,
    });
  }

  /** Resolves when this worker knows its part. */
  async start(): Promise<void> {
    await this.#periodic.start();
  }

  async #share(): Promise<void> {
    // Without Redis the last agreement holds.
    if (this.#options.connection.ready) await this.#options.executors.shareLimits(this.#limits);
  }

  /** Leaves this worker's part to the others. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#periodic[Symbol.asyncDispose]();
    if (!this.#options.connection.ready) return;
    try {
      await this.#options.executors.leaveLimits(this.#limits);
    } catch (error) {
      // The others find out within seconds that this worker is gone.
      this.#options.onTrouble(error instanceof Error ? error : new Error(String(error)));
    }
  }
}
