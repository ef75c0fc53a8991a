import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

const MAIN = fileURLToPath(new URL('s3-server-main.ts', import.meta.url));

/** What the server takes. The SDK finds them in the environment. */
export const S3_CREDENTIALS = { AWS_ACCESS_KEY_ID: 'S3RVER', AWS_SECRET_ACCESS_KEY: 'S3RVER' } as const;

/** An S3-speaking server in a process of its own, with one bucket. It can be killed, or stopped so that it hangs. */
export class S3Server implements AsyncDisposable {
  readonly bucket: string;
  readonly port: number;
  readonly #child: ChildProcess;

  private constructor(child: ChildProcess, bucket: string, port: number) {
    this.#child = child;
    this.bucket = bucket;
    this.port = port;
  }

  /** Resolves when the server takes requests. */
  static async start(bucket = 'llm-engine'): Promise<S3Server> {
    // s3rver makes the tokens of its lists with a cipher that is no longer there by default.
    const args = ['--openssl-legacy-provider', MAIN, bucket];
    const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
    const [port] = (await Promise.race([
      once(createInterface(child.stdout), 'line'),
      once(child, 'exit').then(() => Promise.reject(new Error('The S3 server did not start.'))),
    ])) as [string];
    return new S3Server(child, bucket, Number(port));
  }

  /** STORAGE_URL of a prefix of the bucket. */
  url(prefix: string, { bucket = this.bucket, port = this.port } = {}): string {
    return `s3://${bucket}/${prefix}?endpoint=${encodeURIComponent(`http://127.0.0.1:${port}`)}`;
  }

  /** Sends the signal and, unless it only stops or continues the process, waits for its end. */
  async kill(signal: NodeJS.Signals = 'SIGKILL'): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const ended = once(this.#child, 'exit');
    this.#child.kill(signal);
    if (signal !== 'SIGSTOP' && signal !== 'SIGCONT') await ended;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.kill();
  }
}
