import { ServerChild, lastLines } from '../embedded/server-child.ts';
import type { ServerRun } from '../embedded/kept-server.ts';
import type { Home } from '../engine/home.ts';
import { StartError } from '../engine/start-error.ts';
import type { RedisProgram } from './obtain-server.ts';
import { connectTo, dataFolderOf } from './probe.ts';
import { writeRunFile } from './run-file.ts';
import { reportedFolder, serverCommand } from './server-command.ts';

interface RedisRunOptions {
  readonly home: Home;
  readonly program: RedisProgram;
  readonly dataFolder: string;
  readonly port: number;
  /** Gives up the start; the process is stopped. */
  readonly signal?: AbortSignal;
}

/** Much data takes its time to load, and a container image to arrive. */
const READY_TIMEOUT_MS = 300_000;
/** Starts the server. Resolves when it has loaded its data and has proved to be the one that was started. */
export async function runRedis(options: RedisRunOptions): Promise<ServerRun> {
  const { home, program, dataFolder, port, signal } = options;
  // Written before the process exists: an engine that is killed now leaves no server that nobody knows of.
  await writeRunFile(home.redisFile, { port, kind: program.kind });
  const { command, args } = serverCommand(program, { port, dataFolder });
  const child = await ServerChild.spawn({
    command,
    args,
    cwd: dataFolder,
    logFile: home.redisLog,
    stopSignal: 'SIGTERM',
  });
  try {
    if (child.pid !== undefined) await writeRunFile(home.redisFile, { port, kind: program.kind, pid: child.pid });
    await becomesReady(child, options);
    signal?.throwIfAborted();
    return child;
  } catch (error) {
    await child.stop();
    throw error;
  }
}

async function becomesReady(
  child: ServerChild,
  { home, program, dataFolder, port, signal }: RedisRunOptions,
): Promise<void> {
  const ended = new AbortController();
  void child.ended.then(() => ended.abort());
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
