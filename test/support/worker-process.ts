import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { AppProcess } from './app-process.ts';

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
export class WorkerProcess extends AppProcess {
  readonly #folder: string;

  private constructor(folder: string, env: Readonly<Record<string, string>>) {
    super('worker', env);
    this.#folder = folder;
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
    return new WorkerProcess(folder, {
      REDIS_URL: redisUrl,
      LLM_ENGINE_PREFIX: prefix,
      LLM_ENGINE_CONFIG: file,
      WORKER_PORT: '0',
      WORKER_LOCK_SECONDS: '1',
      WORKER_GRACE_SECONDS: '0',
      ...env,
    });
  }

  override async [Symbol.asyncDispose](): Promise<void> {
    await super[Symbol.asyncDispose]();
    await rm(this.#folder, { recursive: true, force: true });
  }
}
