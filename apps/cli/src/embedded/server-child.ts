import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { open, readFile } from 'node:fs/promises';

interface ServerChildOptions {
  readonly command: string;
  readonly args: readonly string[];
  readonly cwd: string;
  /** Gets what the server prints. */
  readonly logFile: string;
  /** Asks the server to stop in order. */
  readonly stopSignal: NodeJS.Signals;
}

/** The last writes go to disk in this time, also on a slow one. */
const STOP_TIMEOUT_MS = 15_000;
const REPORTED_LINES = 5;

/**
 * A server as a child of this process.
 * 1. Runs outside the terminal's process group: Ctrl-C must reach the engine alone, which still needs it to finish its work.
 * 2. Goes along when this process exits without having stopped it.
 */
export class ServerChild {
  /** Resolves with how it ended, in words. */
  readonly ended: Promise<string>;
  readonly #child: ChildProcess;
  readonly #stopSignal: NodeJS.Signals;

  private constructor(child: ChildProcess, stopSignal: NodeJS.Signals) {
    this.#child = child;
    this.#stopSignal = stopSignal;
    const takeAlong = () => child.kill(stopSignal);
    process.once('exit', takeAlong);
    this.ended = ending(child).finally(() => process.off('exit', takeAlong));
  }

  static async spawn({ command, args, cwd, logFile, stopSignal }: ServerChildOptions): Promise<ServerChild> {
    await using log = await open(logFile, 'a', 0o600);
    const child = spawn(command, args, { detached: true, cwd, stdio: ['ignore', log.fd, log.fd] });
    return new ServerChild(child, stopSignal);
  }

  /** Undefined when it could not be started. */
  get pid(): number | undefined {
    return this.#child.pid;
  }

  /** Resolves when it has ended; one that does not stop in time is killed. */
  async stop(): Promise<void> {
    this.#child.kill(this.#stopSignal);
    const killTimer = setTimeout(() => this.#child.kill('SIGKILL'), STOP_TIMEOUT_MS);
    await this.ended;
    clearTimeout(killTimer);
  }
}

/** What a server said last. */
export async function lastLines(logFile: string): Promise<string> {
  const text = await readFile(logFile, 'utf8').catch(() => '');
  return text.trimEnd().split('\n').slice(-REPORTED_LINES).join('\n');
}

async function ending(child: ChildProcess): Promise<string> {
  try {
    const [code, signal]: (number | string | null)[] = await once(child, 'exit');
    return signal === null ? `exit code ${code}` : `signal ${signal}`;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}
