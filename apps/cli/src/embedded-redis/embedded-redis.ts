import { mkdir, realpath } from 'node:fs/promises';
import { createServer } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Home } from '../engine/home.ts';
import { StartError } from '../engine/start-error.ts';
import type { Machine } from './machine.ts';
import type { RedisProgram } from './obtain-server.ts';
import { redisUrlOf } from './probe.ts';
import { readRunFile, removeRunFile } from './run-file.ts';
import { ServerProcess } from './server-process.ts';
import { stopOrphan } from './stop-orphan.ts';

export interface EmbeddedRedisOptions {
  readonly home: Home;
  readonly program: RedisProgram;
  readonly machine: Machine;
  /** Told, in a line each, what is done before the server runs. */
  readonly say: (line: string) => void;
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
 * A real Redis for one engine, as its child.
 * 1. Starts it on a free loopback port, with its data under the engine's home; first stops one that a killed engine left there.
 * 2. Starts it again on the same port when it dies, so that everything that is connected finds it again.
 * 3. Stops it, and waits until its last write is on disk.
 */
export class EmbeddedRedis implements AsyncDisposable {
  readonly port: number;
  readonly #options: EmbeddedRedisOptions;
  readonly #dataFolder: string;
  readonly #stopping = new AbortController();
  readonly #watching: Promise<void>;
  #server: ServerProcess;

  private constructor(options: EmbeddedRedisOptions, dataFolder: string, server: ServerProcess) {
    this.#options = options;
    this.#dataFolder = dataFolder;
    this.#server = server;
    this.port = server.port;
    this.#watching = this.#watch();
  }

  static async start(options: EmbeddedRedisOptions): Promise<EmbeddedRedis> {
    const { home, program, machine, say, signal } = options;
    await mkdir(home.redisData, { recursive: true, mode: 0o700 });
    // The server reports its folder with all links resolved.
    const dataFolder = await realpath(home.redisData);
    const runFile = await readRunFile(home.redisFile);
    if (runFile !== undefined) await stopOrphan({ runFile, dataFolder, machine, say });

    for (let attempt = 1; ; attempt += 1) {
      signal?.throwIfAborted();
      try {
        const port = await freePort();
        const server = await ServerProcess.start({ home, program, dataFolder, port, ...(signal && { signal }) });
        return new EmbeddedRedis(options, dataFolder, server);
      } catch (error) {
        if (attempt >= START_ATTEMPTS || !(error instanceof StartError)) throw error;
      }
    }
  }

  get url(): string {
    return redisUrlOf(this.port);
  }

  /** Changes when the server had to be started again. */
  get pid(): number | undefined {
    return this.#server.pid;
  }

  async #watch(): Promise<void> {
    const { signal } = this.#stopping;
    for (;;) {
      const ending = await this.#server.ended;
      if (signal.aborted) return;
      this.#options.onTrouble(`Redis ended (${ending}); starting it again on port ${this.port}.`);
      const restarted = await this.#restart(signal);
      if (restarted === undefined) return;
      this.#server = restarted;
      if (signal.aborted) {
        await restarted.stop();
        return;
      }
      this.#options.onTrouble(`Redis runs again on port ${this.port}, with its data.`);
    }
  }

  /** Tries until it runs or is stopped: without Redis the engine can only wait. */
  async #restart(signal: AbortSignal): Promise<ServerProcess | undefined> {
    const { home, program } = this.#options;
    for (let attempt = 0; !signal.aborted; attempt += 1) {
      const delay = Math.min(RESTART_FIRST_MS * 2 ** attempt, RESTART_CAP_MS) * (0.5 + Math.random() / 2);
      // Rejects only when it is aborted, which the loop sees.
      await sleep(delay, undefined, { signal }).catch(() => undefined);
      if (signal.aborted) break;
      try {
        return await ServerProcess.start({ home, program, dataFolder: this.#dataFolder, port: this.port, signal });
      } catch (error) {
        if (!signal.aborted) this.#options.onTrouble(error instanceof Error ? error.message : String(error));
      }
    }
    return undefined;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stopping.abort();
    await this.#server.stop();
    await this.#watching;
    // Only after a clean stop: a server that is still there must be found by the next engine.
    await removeRunFile(this.#options.home.redisFile);
  }
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(0, '127.0.0.1', resolve);
  });
  const address = server.address();
  await new Promise<void>((resolve) => {
    server.close(() => resolve());
  });
  if (address === null || typeof address === 'string') throw new TypeError('A TCP server has a port.');
  return address.port;
}
