import { mkdir, realpath } from 'node:fs/promises';
import { KeptServer } from '../embedded/kept-server.ts';
import type { Machine } from '../embedded/machine.ts';
import type { Home } from '../engine/home.ts';
import type { RedisProgram } from './obtain-server.ts';
import { redisUrlOf } from './probe.ts';
import { runRedis } from './redis-process.ts';
import { readRunFile, removeRunFile } from './run-file.ts';
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

/**
 * A real Redis for one engine, as its child.
 * 1. Stops one that a killed engine left in the engine's home.
 * 2. Keeps it running on a loopback port, with its data under the home.
 * 3. Stops it, and waits until its last write is on disk.
 */
export class EmbeddedRedis implements AsyncDisposable {
  readonly #server: KeptServer;
  readonly #home: Home;

  private constructor(server: KeptServer, home: Home) {
    this.#server = server;
    this.#home = home;
  }

  static async start({ home, program, machine, say, onTrouble, signal }: EmbeddedRedisOptions): Promise<EmbeddedRedis> {
    await mkdir(home.redisData, { recursive: true, mode: 0o700 });
    // The server reports its folder with all links resolved.
    const dataFolder = await realpath(home.redisData);
    const runFile = await readRunFile(home.redisFile);
    if (runFile !== undefined) await stopOrphan({ runFile, dataFolder, machine, say });
    const server = await KeptServer.start({
      name: 'Redis',
      launch: (port, signal) => runRedis({ home, program, dataFolder, port, ...(signal && { signal }) }),
      onTrouble,
      ...(signal && { signal }),
    });
    return new EmbeddedRedis(server, home);
  }

  get url(): string {
    return redisUrlOf(this.#server.port);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#server[Symbol.asyncDispose]();
    // Only after a clean stop: a server that is still there must be found by the next engine.
    await removeRunFile(this.#home.redisFile);
  }
}
