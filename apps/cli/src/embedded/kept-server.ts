import { setTimeout as sleep } from 'node:timers/promises';
import { StartError } from '../engine/start-error.ts';
import { freePort } from './free-port.ts';

/** One run of a server that is ready. */
export interface ServerRun {
  readonly pid: number | undefined;
  /** Resolves with how it ended, in words. */
  readonly ended: Promise<string>;
  stop(): Promise<void>;
}

interface KeptServerOptions {
  /** As it is called in messages. */
  readonly name: string;
  /** Rejects with a `StartError` when it does not run on this port. */
  readonly launch: (port: number, signal?: AbortSignal) => Promise<ServerRun>;
  /** Told of every end that nobody asked for, and of every return. */
  readonly onTrouble: (line: string) => void;
  /** Gives up the start. */
  readonly signal?: AbortSignal;
}

/** A port that was free may be taken before the server has it. */
const START_ATTEMPTS = 3;
const RESTART_FIRST_MS = 100;
const RESTART_CAP_MS = 5_000;

/**
 * A server that runs as long as this process wants it.
 * 1. Starts it on a free loopback port.
 * 2. Starts it again on the same port when it dies, so that everything that is connected finds it again.
 * 3. Stops it.
 */
export class KeptServer implements AsyncDisposable {
  readonly port: number;
  readonly #options: KeptServerOptions;
  readonly #stopping = new AbortController();
  readonly #watching: Promise<void>;
  #run: ServerRun;

  private constructor(options: KeptServerOptions, port: number, run: ServerRun) {
    this.#options = options;
    this.port = port;
    this.#run = run;
    this.#watching = this.#watch();
  }

  static async start(options: KeptServerOptions): Promise<KeptServer> {
    const { launch, signal } = options;
    for (let attempt = 1; ; attempt += 1) {
      signal?.throwIfAborted();
      try {
        const port = await freePort();
        return new KeptServer(options, port, await launch(port, signal));
      } catch (error) {
        if (attempt >= START_ATTEMPTS || !(error instanceof StartError)) throw error;
      }
    }
  }

  /** Changes when the server had to be started again. */
  get pid(): number | undefined {
    return this.#run.pid;
  }

  async #watch(): Promise<void> {
    const { name, onTrouble } = this.#options;
    const { signal } = this.#stopping;
    for (;;) {
      const ending = await this.#run.ended;
      if (signal.aborted) return;
      onTrouble(`${name} ended (${ending}); starting it again on port ${this.port}.`);
      const restarted = await this.#restart(signal);
      if (restarted === undefined) return;
      this.#run = restarted;
      if (signal.aborted) {
        await restarted.stop();
        return;
      }
      onTrouble(`${name} runs again on port ${this.port}, with its data.`);
    }
  }

  /** Tries until it runs or is stopped: without its servers the engine can only wait. */
  async #restart(signal: AbortSignal): Promise<ServerRun | undefined> {
    for (let attempt = 0; !signal.aborted; attempt += 1) {
      const delay = Math.min(RESTART_FIRST_MS * 2 ** attempt, RESTART_CAP_MS) * (0.5 + Math.random() / 2);
      // Rejects only when it is aborted, which the loop sees.
      await sleep(delay, undefined, { signal }).catch(() => undefined);
      if (signal.aborted) break;
      try {
        return await this.#options.launch(this.port, signal);
      } catch (error) {
        if (!signal.aborted) this.#options.onTrouble(error instanceof Error ? error.message : String(error));
      }
    }
    return undefined;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stopping.abort();
    await this.#run.stop();
    await this.#watching;
  }
}
