import { realpath } from 'node:fs/promises';
import type { Machine } from '../embedded/machine.ts';
import { KeptServer } from '../embedded/kept-server.ts';
import type { Home } from '../engine/home.ts';
import { databaseUrlOf, openCluster } from './cluster.ts';
import type { PostgresProgram } from './postgres-program.ts';
import { runPostgres } from './postgres-process.ts';

export interface EmbeddedPostgresOptions {
  readonly home: Home;
  readonly program: PostgresProgram;
  readonly machine: Machine;
  /** Told, in a line each, what is done before the server runs. */
  readonly say: (line: string) => void;
  /** Told of every end that nobody asked for, and of every return. */
  readonly onTrouble: (line: string) => void;
  /** Gives up the start. */
  readonly signal?: AbortSignal;
}

/**
 * A real PostgreSQL for one engine, as its child.
 * 1. Makes its data under the engine's home at the first start; later stops a server that a killed engine left there.
 * 2. Keeps it running on a loopback port.
 * 3. Stops it, and waits until its last write is on disk.
 */
export class EmbeddedPostgres implements AsyncDisposable {
  readonly url: string;
  readonly #server: KeptServer;

  private constructor(server: KeptServer, url: string) {
    this.#server = server;
    this.url = url;
  }

  static async start({
    home,
    program,
    machine,
    say,
    onTrouble,
    signal,
  }: EmbeddedPostgresOptions): Promise<EmbeddedPostgres> {
    const password = await openCluster({
      program,
      machine,
      dataFolder: home.postgresData,
      passwordFile: home.postgresPassword,
    });
    // What is looked for in command lines has to be what was written there.
    const dataFolder = await realpath(home.postgresData);
    const server = await KeptServer.start({
      name: 'PostgreSQL',
      launch: (port, signal) =>
        runPostgres({ program, machine, dataFolder, logFile: home.postgresLog, port, say, ...(signal && { signal }) }),
      onTrouble,
      ...(signal && { signal }),
    });
    return new EmbeddedPostgres(server, databaseUrlOf(server.port, password));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#server[Symbol.asyncDispose]();
  }
}
