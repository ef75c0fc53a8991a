import { readFile } from 'node:fs/promises';
import { StartError } from '../engine/start-error.ts';
import type { Machine } from '../embedded/machine.ts';
import { connectTo, dataFolderOf, isListening, stopsListening } from './probe.ts';
import type { RunFile } from './run-file.ts';
import { containerName } from './server-command.ts';

/** A server that loads its data, or hangs, does not answer in this time; both may be killed, since neither writes. */
const ANSWER_TIMEOUT_MS = 3_000;
const STOP_TIMEOUT_MS = 15_000;

interface OrphanOptions {
  readonly runFile: RunFile;
  readonly dataFolder: string;
  readonly machine: Machine;
  readonly say: (line: string) => void;
}

/**
 * Stops the server that a killed engine left behind, so that its data is never open twice. Nothing that is not proven ours is touched:
 * a server proves itself by the data folder it reports, a silent process by its command line.
 */
export async function stopOrphan({ runFile, dataFolder, machine, say }: OrphanOptions): Promise<void> {
  const { port, pid, kind } = runFile;
  if (kind === 'docker') return removeContainer(dataFolder, machine);
  if (await isListening(port)) {
    const answer = await askToStop(port, dataFolder);
    if (answer === 'another server') return;
    if (answer === 'stopping') {
      say('Stopped the Redis that a killed engine had left behind.');
      if (await stopsListening(port, STOP_TIMEOUT_MS)) return;
    }
  }
  if (pid === undefined || !(await isServer(pid, port, machine))) return;
  say(`The Redis that a killed engine had left behind does not answer; killing process ${pid}.`);
  process.kill(pid, 'SIGKILL');
  if (await stopsListening(port, STOP_TIMEOUT_MS)) return;
  throw new StartError(
    'redis_failed',
    `Redis process ${pid} has ${dataFolder} open and cannot be stopped. Stop it (kill -9 ${pid}), then start again.`,
  );
}

async function askToStop(port: number, dataFolder: string): Promise<'stopping' | 'another server' | 'silent'> {
  try {
    await using connection = await connectTo(port, AbortSignal.timeout(ANSWER_TIMEOUT_MS));
    if ((await dataFolderOf(connection)) !== dataFolder) return 'another server';
    // Its success is a closed connection, which looks like an error to the client; the caller watches the port.
    await connection.redis.shutdown().catch(() => undefined);
    return 'stopping';
  } catch {
    // Not a Redis, or one that hangs: the command line of the process decides.
    return 'silent';
  }
}

/** Redis and Valkey write their address into their command line. */
async function isServer(pid: number, port: number, machine: Machine): Promise<boolean> {
  const commandLine =
    machine.platform === 'linux'
      ? await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '')
      : (await machine.run(['ps', '-o', 'args=', '-p', String(pid)])).output;
  return /(redis|valkey)-server/.test(commandLine) && commandLine.includes(String(port));
}

async function removeContainer(dataFolder: string, machine: Machine): Promise<void> {
  const docker = await machine.find('docker');
  if (docker === undefined) return;
  // It fails where there is none, which is the usual case.
  await machine.run([docker, 'stop', '--time', '15', containerName(dataFolder)]);
  await machine.run([docker, 'rm', '--force', containerName(dataFolder)]);
}
