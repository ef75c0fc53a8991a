import { spawn } from 'node:child_process';
import type { ChildProcessByStdio } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { fileURLToPath } from 'node:url';

/** A line of an app's log. */
export type LogLine = Readonly<Record<string, unknown>> & { readonly msg?: string };

/** An app of the engine as a process of its own, that the test may kill. */
export class AppProcess implements AsyncDisposable {
  readonly log: LogLine[] = [];
  readonly #child: ChildProcessByStdio<null, Readable, null>;
  readonly #waiting = new Set<() => void>();
  readonly #name: string;

  /** Runs `apps/<name>/src/main.ts`. */
  constructor(name: string, env: Readonly<Record<string, string>>) {
    this.#name = name;
    const main = fileURLToPath(new URL(`../../apps/${name}/src/main.ts`, import.meta.url));
    this.#child = spawn(process.execPath, ['--conditions=@llm-engine/source', main], {
      stdio: ['ignore', 'pipe', 'inherit'],
      env: { ...process.env, ...env },
    });
    createInterface(this.#child.stdout).on('line', (line) => {
      this.log.push(JSON.parse(line) as LogLine);
      for (const look of this.#waiting) look();
    });
  }

  get running(): boolean {
    return this.#child.exitCode === null && this.#child.signalCode === null;
  }

  get pid(): number {
    return this.#child.pid ?? -1;
  }

  /** The first line, past or to come, that matches. Rejects when the process ends without it. */
  async logged(matches: (line: LogLine) => boolean): Promise<LogLine> {
    const { promise, resolve, reject } = Promise.withResolvers<LogLine>();
    const look = (): void => {
      const found = this.log.find(matches);
      if (found !== undefined) resolve(found);
    };
    const ended = (): void =>
      reject(new Error(`the ${this.#name} ended; its last line: ${JSON.stringify(this.log.at(-1))}`));
    this.#waiting.add(look);
    this.#child.once('close', ended);
    look();
    try {
      return await promise;
    } finally {
      this.#waiting.delete(look);
      this.#child.off('close', ended);
    }
  }

  signal(signal: NodeJS.Signals): void {
    this.#child.kill(signal);
  }

  /** Resolves with its exit code when it has ended and its log is complete; null when a signal ended it. */
  async ended(): Promise<number | null> {
    if (this.#child.stdout.closed && !this.running) return this.#child.exitCode;
    await once(this.#child, 'close');
    return this.#child.exitCode;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (!this.running) return;
    this.signal('SIGKILL');
    await this.ended();
  }
}
