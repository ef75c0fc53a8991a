import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { thisMachine } from '@llm-engine/cli/embedded-redis';

/** A port that was free a moment ago. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  if (address === null || typeof address === 'string') throw new Error('no port');
  return address.port;
}

/**
 * A real Redis of a test's own, that the test may kill, stop and start again on the same port and the same data.
 * `appendfsync always` where a test must not lose what was acknowledged.
 */
export class RedisServer implements AsyncDisposable {
  readonly port: number;
  readonly #folder: string;
  readonly #options: readonly string[];
  #child: ChildProcess | undefined;

  private constructor(port: number, folder: string, options: readonly string[]) {
    this.port = port;
    this.#folder = folder;
    this.#options = options;
  }

  static async start(...options: string[]): Promise<RedisServer> {
    const folder = await mkdtemp(join(tmpdir(), 'llm-engine-redis-'));
    const server = new RedisServer(await freePort(), folder, options);
    await server.start();
    return server;
  }

  get url(): string {
    return `redis://127.0.0.1:${this.port}`;
  }

  get pid(): number {
    return this.#child?.pid ?? -1;
  }

  /** Resolves when the server accepts connections. */
  async start(): Promise<void> {
    const program = await thisMachine().find('redis-server', 'valkey-server');
    if (program === undefined) throw new Error('No redis-server or valkey-server was found: install one.');
    const child = spawn(
      program,
      [
        ['--port', String(this.port), '--bind', '127.0.0.1', '--dir', this.#folder],
        ['--save', '', '--maxmemory-policy', 'noeviction', '--daemonize', 'no', ...this.#options],
      ].flat(),
      { stdio: ['ignore', 'pipe', 'inherit'] },
    );
    this.#child = child;
    let log = '';
    for await (const part of child.stdout) {
      log += String(part);
      if (log.includes('Ready to accept connections')) break;
    }
    if (!log.includes('Ready to accept connections')) throw new Error(`Redis did not start:\n${log}`);
    child.stdout.resume();
  }

  /** Sends the signal and, unless it only stops or continues the process, waits for its end. */
  async kill(signal: NodeJS.Signals = 'SIGKILL'): Promise<void> {
    const child = this.#child;
    if (child === undefined) return;
    child.kill(signal);
    if (signal === 'SIGSTOP' || signal === 'SIGCONT') return;
    if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
    this.#child = undefined;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.kill('SIGKILL');
    await rm(this.#folder, { recursive: true, force: true });
  }
}
