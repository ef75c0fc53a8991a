import pc from 'picocolors';

type Colors = ReturnType<typeof pc.createColors>;

/** A standard stream of this process, or what stands in for one. */
export interface OutputStream {
  readonly isTTY?: boolean;
  /** Width of the terminal, in characters. */
  readonly columns?: number;
  /** False when it would rather have no more before `drain`. */
  write(content: string | Uint8Array): unknown;
  on(event: 'error' | 'drain', listener: (error: Error) => void): unknown;
}

export interface TerminalOptions {
  readonly stdout: OutputStream;
  readonly stderr: OutputStream;
  readonly env: Readonly<Record<string, string | undefined>>;
}

/**
 * Where commands write.
 * 1. Answers go to standard output and nothing else does, so that it can be piped; remarks and errors go to standard error.
 * 2. Colours appear on a terminal only, and never with NO_COLOR.
 * 3. A reader that goes away (`| head`) is no error: `readerGone` aborts, and what is written after is dropped.
 * 4. A status stays below the remarks.
 */
export class Terminal {
  readonly readerGone: AbortSignal;
  /** Colours of standard output. */
  readonly paint: Colors;
  /** Colours of standard error. */
  readonly paintNote: Colors;
  readonly #stdout: OutputStream;
  readonly #stderr: OutputStream;
  /** Whether a person looks at standard error: there a status is shown. */
  readonly showsStatus: boolean;
  #status = '';
  #onDrain: () => void = () => undefined;

  constructor({ stdout, stderr, env }: TerminalOptions) {
    this.#stdout = stdout;
    this.#stderr = stderr;
    const gone = new AbortController();
    this.readerGone = gone.signal;
    stdout.on('error', () => gone.abort());
    stdout.on('drain', () => this.#onDrain());
    gone.signal.addEventListener('abort', () => this.#onDrain());
    // Nobody is left who could be told.
    stderr.on('error', () => undefined);
    this.paint = pc.createColors(mayColor(stdout, env));
    this.paintNote = pc.createColors(mayColor(stderr, env));
    this.showsStatus = stderr.isTTY === true && env['TERM'] !== 'dumb';
  }

  /** Whether a person reads the answers. */
  get isInteractive(): boolean {
    return this.#stdout.isTTY === true;
  }

  /** Width of standard error, in characters. */
  get width(): number {
    return this.#stderr.columns ?? DEFAULT_WIDTH;
  }

  /** A piece of the answer, as it is. */
  write(text: string): void {
    if (!this.readerGone.aborted) this.#stdout.write(text);
  }

  /** Lines of the answer. */
  print(...lines: readonly string[]): void {
    for (const line of lines) this.write(`${line}\n`);
  }

  /** An answer of any size, no faster than it is read. */
  async pour(content: AsyncIterable<Uint8Array>): Promise<void> {
    for await (const piece of content) {
      if (this.readerGone.aborted) return;
      const { promise, resolve } = Promise.withResolvers<void>();
      this.#onDrain = resolve;
      if (this.#stdout.write(piece) === false) await promise;
    }
  }

  /** One JSON value on a line of its own. */
  json(value: unknown): void {
    this.print(JSON.stringify(value));
  }

  /** What is going on now, for a person who looks: the next one takes its place, and an empty one takes it away. */
  status(text: string): void {
    if (!this.showsStatus) return;
    this.#status = text;
    this.#stderr.write(`${CLEAR_LINE}${text}`);
  }

  /** A remark, which is not part of the answer. */
  note(...lines: readonly string[]): void {
    const status = this.#status;
    if (status !== '') this.#stderr.write(CLEAR_LINE);
    for (const line of lines) this.#stderr.write(`${line}\n`);
    if (status !== '') this.#stderr.write(status);
  }
}

const DEFAULT_WIDTH = 80;
const CLEAR_LINE = '\r\u001B[2K';

function mayColor(stream: OutputStream, env: TerminalOptions['env']): boolean {
  const refused = (env['NO_COLOR'] ?? '') !== '' || env['TERM'] === 'dumb';
  return stream.isTTY === true && !refused;
}
