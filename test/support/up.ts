import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { CliProcess, runCli } from './cli.ts';
import type { CliEnd } from './cli.ts';

interface UpOptions {
  readonly home: string;
  readonly env?: Readonly<Record<string, string>>;
  readonly args?: readonly string[];
  /** Default: the home, so that no engine.yaml lies about. */
  readonly cwd?: string;
}

interface Addresses {
  readonly producerUrl: string;
  readonly monitorUrl: string;
  readonly workerUrl: string;
  readonly redisUrl: string;
  readonly models: readonly string[];
}

const ANY_PORTS = { PRODUCER_PORT: '0', MONITOR_PORT: '0', WORKER_PORT: '0' };

/** `llm-engine up` as a real process, on free ports. */
export class Up implements AsyncDisposable {
  readonly home: string;
  readonly process: CliProcess;
  readonly addresses: Addresses;

  private constructor(home: string, process: CliProcess, addresses: Addresses) {
    this.home = home;
    this.process = process;
    this.addresses = addresses;
  }

  static spawn({ home, env = {}, args = [], cwd = home }: UpOptions): CliProcess {
    return new CliProcess(['up', '--json', ...args], { cwd, env: { ...ANY_PORTS, LLM_ENGINE_HOME: home, ...env } });
  }

  /** Resolves when it has said that it runs. */
  static async start(options: UpOptions): Promise<Up> {
    const process = Up.spawn(options);
    try {
      const [line] = await process.prints(/^\{.*\}$/m);
      return new Up(options.home, process, JSON.parse(line) as Addresses);
    } catch (error) {
      await process[Symbol.asyncDispose]();
      throw error;
    }
  }

  /** Runs another command, which finds this engine by its home. */
  cli(...args: readonly string[]): Promise<CliEnd> {
    return runCli(args, { cwd: this.home, env: { LLM_ENGINE_HOME: this.home } });
  }

  /** As Ctrl-C on the terminal: it reaches every process of the group. */
  async interrupt(): Promise<CliEnd> {
    this.process.signal('SIGINT', 'group');
    return this.process.ended();
  }

  /** Ends the engine and nothing else, so that its Redis is left behind. */
  async kill(): Promise<void> {
    this.process.signal('SIGKILL');
    await this.process.ended();
  }

  redisPid(): Promise<number> {
    return redisPidOf(this.home);
  }

  /** The model's answer to a chat request. */
  async ask(model: string, content: string, headers: Readonly<Record<string, string>> = {}): Promise<string> {
    const response = await fetch(`${this.addresses.producerUrl}/v1/chat/completions`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...headers },
      body: JSON.stringify({ model, messages: [{ role: 'user', content }] }),
    });
    if (!response.ok) throw new Error(`${response.status}: ${await response.text()}`);
    const { choices } = (await response.json()) as { choices: [{ message: { content: string } }] };
    return choices[0].message.content;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.process.running) this.process.signal('SIGTERM');
    await this.process.ended();
  }
}

/** The embedded Redis of the engine that runs in a home. */
export async function redisPidOf(home: string): Promise<number> {
  const { pid } = JSON.parse(await readFile(join(home, 'redis.json'), 'utf8')) as { readonly pid: number };
  return pid;
}

/** Whether a process exists that still does something: one that waits to be reaped does not count. */
export async function isAlive(pid: number): Promise<boolean> {
  const state = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '');
  return state !== '' && !/\) [ZX] /.test(state);
}

export async function isAnswered(url: string): Promise<boolean> {
  return fetch(url).then(
    () => true,
    () => false,
  );
}
