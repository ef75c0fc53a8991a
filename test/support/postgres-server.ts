import { mkdtemp, readFile, realpath, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { databaseUrlOf, obtainPostgres, openCluster, runPostgres } from '@llm-engine/cli/embedded-postgres';
import { thisMachine } from '@llm-engine/cli/embedded-redis';
import { freePort } from './redis-server.ts';
import { isAlive } from './up.ts';

type Settings = Readonly<Record<string, string>>;
type Run = Awaited<ReturnType<typeof runPostgres>>;

/** Writes that were acknowledged may be lost with the machine, but not with the server: for tests that kill nothing but processes. */
export const FAST: Settings = { fsync: 'off', full_page_writes: 'off' };

/**
 * A real PostgreSQL of a test's own, that the test may kill, hang and start again on the same port and the same data.
 * It is as durable as the engine's own, unless its settings say otherwise.
 */
export class PostgresServer implements AsyncDisposable {
  readonly port: number;
  readonly url: string;
  readonly #folder: string;
  readonly #settings: Settings;
  #run: Run | undefined;

  private constructor(port: number, folder: string, password: string, settings: Settings) {
    this.port = port;
    this.url = databaseUrlOf(port, password);
    this.#folder = folder;
    this.#settings = settings;
  }

  static async start(settings: Settings = {}): Promise<PostgresServer> {
    const folder = await realpath(await mkdtemp(join(tmpdir(), 'llm-engine-postgres-')));
    const machine = thisMachine();
    const program = await obtainPostgres(machine);
    const password = await openCluster({
      program,
      machine,
      dataFolder: join(folder, 'data'),
      passwordFile: join(folder, 'password'),
    });
    const server = new PostgresServer(await freePort(), folder, password, settings);
    await server.start();
    return server;
  }

  /** Where the server keeps its process id while it runs. */
  get pidFile(): string {
    return join(this.#folder, 'data/postmaster.pid');
  }

  get pid(): number {
    return this.#run?.pid ?? -1;
  }

  /** Resolves when the server accepts connections. */
  async start(): Promise<void> {
    const machine = thisMachine();
    this.#run = await runPostgres({
      program: await obtainPostgres(machine),
      machine,
      dataFolder: join(this.#folder, 'data'),
      logFile: join(this.#folder, 'log'),
      port: this.port,
      settings: this.#settings,
    });
  }

  /** In order: transactions are given up, connections are closed. */
  async stop(): Promise<void> {
    await this.#run?.stop();
    this.#run = undefined;
  }

  /** As the machine would at a crash: everything that it runs is gone at once. */
  async kill(): Promise<void> {
    const pids = await this.#signal('SIGKILL');
    await this.#run?.ended;
    // What the server had started is somebody else's child by now.
    while ((await Promise.all(pids.map(isAlive))).includes(true)) await setTimeout(5);
    this.#run = undefined;
  }

  /** Its connections stay open, and nothing is answered until `resume`. */
  async hang(): Promise<void> {
    await this.#signal('SIGSTOP');
  }

  async resume(): Promise<void> {
    await this.#signal('SIGCONT');
  }

  /** To the server, and the processes that it has for its connections. */
  async #signal(signal: NodeJS.Signals): Promise<readonly number[]> {
    const { pid } = this;
    if (pid < 0) return [];
    const children = await readFile(`/proc/${pid}/task/${pid}/children`, 'utf8');
    const pids = [pid, ...children.split(' ').filter(Boolean).map(Number)];
    for (const each of pids) {
      try {
        process.kill(each, signal);
      } catch {
        // A connection that was closed in between has no process any more.
      }
    }
    return pids;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.kill();
    await rm(this.#folder, { recursive: true, force: true });
  }
}
