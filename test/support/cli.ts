import { spawn } from 'node:child_process';
import type { ChildProcessByStdio } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Readable, Writable } from 'node:stream';
import { fileURLToPath } from 'node:url';

const MAIN = fileURLToPath(new URL('../../apps/cli/src/main.ts', import.meta.url));
const COMMAND = [process.execPath, '--conditions=@llm-engine/source', MAIN] as const;

export interface CliEnd {
  /** Null when a signal ended it. */
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

interface CliOptions {
  readonly env?: Readonly<Record<string, string>>;
  /** What it reads from standard input. */
  readonly input?: string;
  readonly cwd?: string;
  /** What is run instead of the program itself, such as npm. */
  readonly command?: readonly [string, ...string[]];
}

/** The command line program as a process of its own. Settings of the machine that runs the tests do not reach it. */
export class CliProcess implements AsyncDisposable {
  readonly #child: ChildProcessByStdio<Writable, Readable, Readable>;
  readonly #waiting = new Set<() => void>();
  #stdout = '';
  #stderr = '';

  constructor(args: readonly string[], options: CliOptions = {}) {
    const { env = {}, input = '', cwd = tmpdir(), command = COMMAND } = options;
    const [program, ...first] = command;
    this.#child = spawn(program, [...first, ...args], {
      cwd,
      env: { PATH: process.env['PATH'] ?? '', HOME: process.env['HOME'] ?? '', ...env },
      // A process group of its own, as a shell gives it one.
      detached: true,
      stdio: ['pipe', 'pipe', 'pipe'],
    });
    this.#child.stdout.setEncoding('utf8').on('data', (part: string) => this.#hear(() => (this.#stdout += part)));
    this.#child.stderr.setEncoding('utf8').on('data', (part: string) => this.#hear(() => (this.#stderr += part)));
    this.#child.stdin.end(input);
  }

  get pid(): number {
    return this.#child.pid ?? -1;
  }

  get running(): boolean {
    return this.#child.exitCode === null && this.#child.signalCode === null;
  }

  /** All that it has printed up to the first match. Rejects when the process ends without it. */
  async prints(pattern: RegExp, stream: 'stdout' | 'stderr' = 'stdout'): Promise<RegExpExecArray> {
    const { promise, resolve, reject } = Promise.withResolvers<RegExpExecArray>();
    const look = (): void => {
      const match = pattern.exec(stream === 'stdout' ? this.#stdout : this.#stderr);
      if (match !== null) resolve(match);
    };
    const onClose = (): void => reject(new Error(`It ended without ${pattern}:\n${this.#stdout}${this.#stderr}`));
    this.#waiting.add(look);
    this.#child.once('close', onClose);
    look();
    try {
      return await promise;
    } finally {
      this.#waiting.delete(look);
      this.#child.off('close', onClose);
    }
  }

  /** To this process alone, or to its whole group, as Ctrl-C on a terminal is. */
  signal(signal: NodeJS.Signals, to: 'process' | 'group' = 'process'): void {
    process.kill(to === 'group' ? -this.pid : this.pid, signal);
  }

  /** Closes our end of its standard output, as `head` does when it has enough. */
  stopReading(): void {
    this.#child.stdout.destroy();
  }

  async ended(): Promise<CliEnd> {
    if (this.running || !this.#child.stderr.closed) await once(this.#child, 'close');
    return { code: this.#child.exitCode, stdout: this.#stdout, stderr: this.#stderr };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.running) this.signal('SIGKILL');
    await this.ended();
  }

  #hear(add: () => void): void {
    add();
    for (const look of this.#waiting) look();
  }
}

/** Runs a command to its end. */
export async function runCli(args: readonly string[], options: CliOptions = {}): Promise<CliEnd> {
  await using cli = new CliProcess(args, options);
  // Awaited here: what is in use is disposed of when the function returns.
  return await cli.ended();
}

/** An empty folder that goes away with the test. */
export class TemporaryFolder implements AsyncDisposable {
  readonly path: string;

  private constructor(path: string) {
    this.path = path;
  }

  static async create(): Promise<TemporaryFolder> {
    return new TemporaryFolder(await mkdtemp(join(tmpdir(), 'llm-engine-home-')));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    // A server that was told to end with its engine may still write its last file.
    await rm(this.path, { recursive: true, force: true, maxRetries: 20, retryDelay: 50 });
  }
}
