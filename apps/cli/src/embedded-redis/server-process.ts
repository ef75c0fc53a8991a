import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { open, readFile } from 'node:fs/promises';
import { once } from 'node:events';
import type { Home } from '../engine/home.ts';
import { StartError } from '../engine/start-error.ts';
import type { RedisProgram } from './obtain-server.ts';
import { connectTo, dataFolderOf } from './probe.ts';
import { writeRunFile } from './run-file.ts';
import { reportedFolder, serverCommand } from './server-command.ts';

interface ServerProcessOptions {
  readonly home: Home;
  readonly program: RedisProgram;
  readonly dataFolder: string;
  readonly port: number;
  /** Gives up the start; the process is stopped. */
  readonly signal?: AbortSignal;
}

/** Much data takes its time to load, and a container image to arrive. */
const READY_TIMEOUT_MS = 300_000;
/** The last writes go to disk in this time, also on a slow one. */
const STOP_TIMEOUT_MS = 15_000;
const REPORTED_LINES = 5;

/**
 * One run of the Redis server.
 * 1. Starts it outside the terminal's process group: Ctrl-C must reach the engine alone, which still needs Redis to finish its work.
 * 2. Is ready when the server has loaded its data and has proved to be the one that was started.
 * 3. Takes the server along when this process exits without having stopped it.
 */
export class ServerProcess {
  readonly port: number;
  /** Resolves with how it ended, in words. */
  readonly ended: Promise<string>;
  readonly #child: ChildProcess;

  private constructor(child: ChildProcess, port: number) {
    this.#child = child;
    this.port = port;
    const takeAlong = () => child.kill('SIGTERM');
    process.once('exit', takeAlong);
    this.ended = ending(child).finally(() => process.off('exit', takeAlong));
  }

  static async start(options: ServerProcessOptions): Promise<ServerProcess> {
    const { home, program, port, signal } = options;
    // Written before the process exists: an engine that is killed now leaves no server that nobody knows of.
    await writeRunFile(home.redisFile, { port, kind: program.kind });
    const server = new ServerProcess(await launch(options), port);
    try {
      if (server.pid !== undefined) await writeRunFile(home.redisFile, { port, kind: program.kind, pid: server.pid });
      await server.#becomesReady(options);
      signal?.throwIfAborted();
      return server;
    } catch (error) {
      await server.stop();
      throw error;
    }
  }

  get pid(): number | undefined {
    return this.#child.pid;
  }

  async stop(): Promise<void> {
    this.#child.kill('SIGTERM');
    const killTimer = setTimeout(() => this.#child.kill('SIGKILL'), STOP_TIMEOUT_MS);
    await this.ended;
    clearTimeout(killTimer);
  }

  async #becomesReady({ home, program, dataFolder, port, signal }: ServerProcessOptions): Promise<void> {
    const ended = new AbortController();
    void this.ended.then(() => ended.abort());
    const giveUp = AbortSignal.any([
      AbortSignal.timeout(READY_TIMEOUT_MS),
      ended.signal,
      ...(signal === undefined ? [] : [signal]),
    ]);
    // Another server may have taken the port a moment before.
    if ((await folderAt(port, giveUp)) === reportedFolder(program, dataFolder)) return;
    signal?.throwIfAborted();
    throw new StartError(
      'redis_failed',
      `Redis did not start. The end of its log, ${home.redisLog}:\n${await lastLines(home.redisLog)}`,
    );
  }
}

/** Undefined when nothing there answers as a Redis does. */
async function folderAt(port: number, signal: AbortSignal): Promise<string | undefined> {
  try {
    await using connection = await connectTo(port, signal);
    return await dataFolderOf(connection);
  } catch {
    // The caller reports it, with the server's own words.
    return undefined;
  }
}

async function launch({ home, program, dataFolder, port }: ServerProcessOptions): Promise<ChildProcess> {
  const { command, args } = serverCommand(program, { port, dataFolder });
  await using log = await open(home.redisLog, 'a', 0o600);
  return spawn(command, args, { detached: true, cwd: dataFolder, stdio: ['ignore', log.fd, log.fd] });
}

async function ending(child: ChildProcess): Promise<string> {
  try {
    const [code, signal]: (number | string | null)[] = await once(child, 'exit');
    return signal === null ? `exit code ${code}` : `signal ${signal}`;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

async function lastLines(path: string): Promise<string> {
  const text = await readFile(path, 'utf8').catch(() => '');
  return text.trimEnd().split('\n').slice(-REPORTED_LINES).join('\n');
}
