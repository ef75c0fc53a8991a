import { spawn } from 'node:child_process';
import type { ChildProcessByStdio } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { fileURLToPath } from 'node:url';

const MAIN = fileURLToPath(new URL('../../apps/worker/src/main.ts', import.meta.url));

/** A line of the worker's log. */
export type LogLine = Readonly<Record<string, unknown>> & { readonly msg?: string };

interface WorkerProcessOptions {
  readonly redisUrl: string;
  readonly prefix: string;
  /** The text of its engine.yaml. Default: a mock that may be told to crash. */
  readonly config?: string;
  readonly env?: Readonly<Record<string, string>>;
}

const MOCK_CONFIG = `
mock: { allowCrash: true }
models:
  mock: { executor: mock, trainable: true }
`;

/** A real worker process, with a lock of one second so that its death is soon noticed. */
export class WorkerProcess implements AsyncDisposable {
  readonly log: LogLine[] = [];
  readonly #child: ChildProcessByStdio<null, Readable, null>;
  readonly #folder: string;
  readonly #waiting = new Set<() => void>();

  private constructor(child: ChildProcessByStdio<null, Readable, null>, folder: string) {
    this.#child = child;
    this.#folder = folder;
    createInterface(child.stdout).on('line', (line) => {
      this.log.push(JSON.parse(line) as LogLine);
      for (const look of this.#waiting) look();
    });
  }

  /** Resolves when the worker takes jobs. */
  static async start(options: WorkerProcessOptions): Promise<WorkerProcess> {
    const worker = await WorkerProcess.spawn(options);
    await worker.logged(({ msg }) => msg === 'worker takes jobs');
    return worker;
  }

  /** Resolves when the process has been started. */
  static async spawn({
    redisUrl,
    prefix,
    config = MOCK_CONFIG,
    env = {},
  }: WorkerProcessOptions): Promise<WorkerProcess> {
    const folder = await mkdtemp(join(tmpdir(), 'llm-engine-worker-'));
    const file = join(folder, 'engine.yaml');
    await writeFile(file, config);
    const child = spawn(process.execPath, ['--conditions=@llm-engine/source', MAIN], {
      stdio: ['ignore', 'pipe', 'inherit'],
      env: {
        ...process.env,
        REDIS_URL: redisUrl,
        LLM_ENGINE_PREFIX: prefix,
        LLM_ENGINE_CONFIG: file,
        WORKER_PORT: '0',
        WORKER_LOCK_SECONDS: '1',
        WORKER_GRACE_SECONDS: '0',
        ...env,
      },
    });
    return new WorkerProcess(child, folder);
  }

  get running(): boolean {
    return this.#child.exitCode === null && this.#child.signalCode === null;
  }

  /** The first line, past or to come, that matches. Rejects when the process ends without it. */
  async logged(matches: (line: LogLine) => boolean): Promise<LogLine> {
    const { promise, resolve, reject } = Promise.withResolvers<LogLine>();
    const look = (): void => {
      const found = this.log.find(matches);
      if (found !== undefined) resolve(found);
    };
    const ended = (): void => reject(new Error(`the worker ended; its last line: ${JSON.stringify(this.log.at(-1))}`));
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
    if (this.running) {
      this.signal('SIGKILL');
      await this.ended();
    }
    await rm(this.#folder, { recursive: true, force: true });
  }
}
