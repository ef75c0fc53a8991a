import type { QueueConnection } from './connection.ts';

/** Chunks are gathered for this long, in milliseconds; the first goes out at once, since it is what a person waits for. */
const GATHER_MS = 15;
const ENTRIES_KEPT = 20_000;
/** Longer than the longest pause between two runs, which is the hour that a model server may ask for. */
const LIFE_MS = 2 * 3_600_000;

interface StreamWriterOptions {
  readonly jobId: string;
  /** Which run of the job writes: chunks of an older run are refused. */
  readonly run: number;
  /** Called once when a newer run writes the stream: this one has lost the job. */
  readonly onFenced: () => void;
}

/**
 * Writes one run's chunks to the job's stream.
 * 1. Takes chunks without waiting, in order.
 * 2. Sends what has gathered, one round trip at a time, so that a slow Redis makes larger parcels and not a longer line.
 * 3. `flush` resolves when everything has been sent.
 */
export class StreamWriter {
  readonly #connection: Pick<QueueConnection, 'redis' | 'keys'>;
  readonly #options: StreamWriterOptions;
  #gathered: string[] = [];
  #sending: Promise<void> | undefined;
  #timer: NodeJS.Timeout | undefined;
  #started = false;
  #fenced = false;
  #error: unknown;

  constructor(connection: Pick<QueueConnection, 'redis' | 'keys'>, options: StreamWriterOptions) {
    this.#connection = connection;
    this.#options = options;
  }

  /** A chunk is JSON, and becomes one line: in JSON a line break is but white space between values. */
  push(chunk: string): void {
    if (this.#fenced) return;
    this.#gathered.push(chunk.replace(/[\r\n]+/g, ' '));
    if (this.#sending !== undefined || this.#timer !== undefined) return;
    if (this.#started) this.#timer = setTimeout(() => this.#send(), GATHER_MS);
    else this.#send();
    this.#started = true;
  }

  /** Rejects when a chunk could not be sent. */
  async flush(): Promise<void> {
    clearTimeout(this.#timer);
    while (this.#sending !== undefined || this.#gathered.length > 0) {
      this.#send();
      await this.#sending;
    }
    if (this.#error !== undefined) throw this.#error;
  }

  #send(): void {
    this.#timer = undefined;
    if (this.#sending !== undefined || this.#gathered.length === 0) return;
    const chunks = this.#gathered;
    this.#gathered = [];
    this.#sending = this.#append(chunks)
      .catch((error: unknown) => {
        this.#error ??= error;
      })
      .finally(() => {
        this.#sending = undefined;
        if (this.#gathered.length > 0) this.#timer = setTimeout(() => this.#send(), GATHER_MS);
      });
  }

  async #append(chunks: readonly string[]): Promise<void> {
    const { jobId, run, onFenced } = this.#options;
    const { redis, keys } = this.#connection;
    const last = await redis.appendChunks(
      keys.stream(jobId),
      run,
      chunks.length,
      chunks.join('\n'),
      ENTRIES_KEPT,
      LIFE_MS,
      keys.wake(jobId),
    );
    if (last !== -1 || this.#fenced) return;
    this.#fenced = true;
    this.#gathered = [];
    onFenced();
  }
}
