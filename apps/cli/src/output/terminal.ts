import pc from 'picocolors';

type Colors = ReturnType<typeof pc.createColors>;

/** A standard stream of this process, or what stands in for one. */
export interface OutputStream {
  readonly isTTY?: boolean;
  write(text: string): unknown;
  on(event: 'error', listener: (error: Error) => void): unknown;
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
 */
export class Terminal {
  readonly readerGone: AbortSignal;
  /** Colours of standard output. */
  readonly paint: Colors;
  /** Colours of standard error. */
  readonly paintNote: Colors;
  readonly #stdout: OutputStream;
  readonly #stderr: OutputStream;
  readonly #showsStatus: boolean;

  constructor({ stdout, stderr, env }: TerminalOptions) {
    this.#stdout = stdout;
    this.#stderr = stderr;
    const gone = new AbortController();
    this.readerGone = gone.signal;
    stdout.on('error', () => gone.abort());
    // Nobody is left who could be told.
    stderr.on('error', () => undefined);
    this.paint = pc.createColors(mayColor(stdout, env));
    this.paintNote = pc.createColors(mayColor(stderr, env));
    this.#showsStatus = stderr.isTTY === true && env['TERM'] !== 'dumb';
  }

  /** Whether a person reads the answers. */
  get isInteractive(): boolean {
    return this.#stdout.isTTY === true;
  }

  /** A piece of the answer, as it is. */
  write(text: string): void {
    if (!this.readerGone.aborted) this.#stdout.write(text);
  }

  /** Lines of the answer. */
  print(...lines: readonly string[]): void {
    for (const line of lines) this.write(`${line}\n`);
  }

  /** One JSON value on a line of its own. */
  json(value: unknown): void {
    this.print(JSON.stringify(value));
  }

  /** What is going on now, for a person who looks: the next one takes its place, and an empty one takes it away. */
  status(text: string): void {
    if (this.#showsStatus) this.#stderr.write(`\r\u001B[2K${text}`);
  }

  /** A remark, which is not part of the answer. */
  note(...lines: readonly string[]): void {
    for (const line of lines) this.#stderr.write(`${line}\n`);
  }
}

function mayColor(stream: OutputStream, env: TerminalOptions['env']): boolean {
  const refused = (env['NO_COLOR'] ?? '') !== '' || env['TERM'] === 'dumb';
  return stream.isTTY === true && !refused;
}
