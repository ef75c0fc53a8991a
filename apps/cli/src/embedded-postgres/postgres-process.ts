import { setTimeout as sleep } from 'node:timers/promises';
import type { Machine } from '../embedded/machine.ts';
import { ServerChild, lastLines } from '../embedded/server-child.ts';
import type { ServerRun } from '../embedded/kept-server.ts';
import { StartError } from '../engine/start-error.ts';
import type { PostgresProgram } from './postgres-program.ts';
import { readPostmasterFile } from './postmaster-file.ts';
import { stopOrphan } from './stop-orphan.ts';

export interface PostgresRunOptions {
  readonly program: PostgresProgram;
  readonly machine: Machine;
  /** With all links resolved. */
  readonly dataFolder: string;
  readonly logFile: string;
  readonly port: number;
  /** Settings of the server that go before the engine's. */
  readonly settings?: Readonly<Record<string, string>>;
  readonly say?: (line: string) => void;
  /** Gives up the start; the process is stopped. */
  readonly signal?: AbortSignal;
}

/** A server that was killed amid many writes does them again first. */
const READY_TIMEOUT_MS = 300_000;
const POLL_MS = 20;

const SETTINGS = {
  listen_addresses: '127.0.0.1',
  unix_socket_directories: '',
  // To standard error, which is the log file.
  logging_collector: 'off',
  log_checkpoints: 'off',
  // What a home grows by, at most, before old log is given back.
  max_wal_size: '256MB',
  // No statement is worth a compilation or more than one process; these would need shared memory that containers are short of.
  jit: 'off',
  max_parallel_workers_per_gather: '0',
};

/** Starts a PostgreSQL, after it has stopped one that has the same data. Resolves when it accepts connections. */
export async function runPostgres(options: PostgresRunOptions): Promise<ServerRun> {
  const { program, machine, dataFolder, logFile, port, settings, say = () => undefined, signal } = options;
  await stopOrphan({ dataFolder, machine, say });
  const [command, ...args] = program.postgres;
  const child = await ServerChild.spawn({
    command,
    args: [...args, '-D', dataFolder, ...flags({ port: String(port), ...SETTINGS, ...settings })],
    cwd: dataFolder,
    logFile,
    // Fast: transactions are given up, connections closed, everything committed is written.
    stopSignal: 'SIGINT',
  });
  try {
    if (await becomesReady(child, dataFolder, signal)) return child;
    signal?.throwIfAborted();
    throw new StartError(
      'postgres_failed',
      `PostgreSQL did not start. The end of its log, ${logFile}:\n${await lastLines(logFile)}`,
    );
  } catch (error) {
    await child.stop();
    throw error;
  }
}

async function becomesReady(child: ServerChild, dataFolder: string, signal?: AbortSignal): Promise<boolean> {
  const over = AbortSignal.any([AbortSignal.timeout(READY_TIMEOUT_MS), ...(signal === undefined ? [] : [signal])]);
  const ended = child.ended.then(() => true);
  while (!over.aborted) {
    const running = await readPostmasterFile(dataFolder);
    if (running?.ready === true && running.pid === child.pid) return true;
    if (await Promise.race([ended, sleep(POLL_MS, false)])) return false;
  }
  return false;
}

function flags(settings: Readonly<Record<string, string>>): readonly string[] {
  return Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`]);
}
