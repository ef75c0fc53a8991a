import { readFile, rm } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Machine } from '../embedded/machine.ts';
import { StartError } from '../engine/start-error.ts';
import { postmasterFileIn, readPostmasterFile } from './postmaster-file.ts';

interface OrphanOptions {
  readonly dataFolder: string;
  readonly machine: Machine;
  readonly say: (line: string) => void;
}

/** For the checkpoint of a stop in order. One that hangs may be killed: whatever was committed is in its log. */
const STOP_TIMEOUT_MS = 5_000;
const KILL_TIMEOUT_MS = 5_000;
const POLL_MS = 20;

/**
 * Stops the server that a killed engine left behind, so that its data is never open twice. Nothing that is not proven ours is
 * touched: a server proves itself by the data folder in its command line.
 */
export async function stopOrphan({ dataFolder, machine, say }: OrphanOptions): Promise<void> {
  const left = await readPostmasterFile(dataFolder);
  if (left !== undefined && (await isServer(left.pid, dataFolder, machine))) {
    await stop(left.pid, { dataFolder, machine, say });
  }
  // Its process is gone. Another one may have its number by now, which PostgreSQL would take for the server.
  await rm(postmasterFileIn(dataFolder), { force: true });
}

async function stop(pid: number, { dataFolder, machine, say }: OrphanOptions): Promise<void> {
  const ends = async (timeoutMs: number): Promise<boolean> => {
    const deadline = Date.now() + timeoutMs;
    while (await isServer(pid, dataFolder, machine)) {
      if (Date.now() > deadline) return false;
      await sleep(POLL_MS * (0.5 + Math.random()));
    }
    return true;
  };
  send(pid, 'SIGINT');
  if (await ends(STOP_TIMEOUT_MS)) {
    say('Stopped the PostgreSQL that a killed engine had left behind.');
    return;
  }
  say(`The PostgreSQL that a killed engine had left behind does not stop; killing process ${pid}.`);
  send(pid, 'SIGKILL');
  if (await ends(KILL_TIMEOUT_MS)) return;
  throw new StartError(
    'postgres_failed',
    `PostgreSQL process ${pid} has ${dataFolder} open and cannot be stopped. Stop it (kill -9 ${pid}), then start again.`,
  );
}

function send(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch {
    // It has ended by itself, or is not ours to stop: whether it is still there is looked at next.
  }
}

async function isServer(pid: number, dataFolder: string, machine: Machine): Promise<boolean> {
  const commandLine =
    machine.platform === 'linux'
      ? await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '')
      : (await machine.run(['ps', '-o', 'args=', '-p', String(pid)])).output;
  return commandLine.includes('postgres') && commandLine.includes(dataFolder);
}
