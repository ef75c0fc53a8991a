import type { LineTokens } from '@llm-engine/contracts';
import type { ChunkHold, ChunkTable } from '@llm-engine/storage';
import { isStorageOutage } from '@llm-engine/storage';
import { setTimeout as sleep } from 'node:timers/promises';

/** How a line ended. */
export interface LineResult {
  /** Of the chunk, from 0. */
  readonly line: number;
  readonly failed: boolean;
  /** One JSON line, with its newline. */
  readonly bytes: Buffer;
  readonly tokens: LineTokens;
}

export interface RecorderOptions {
  readonly chunks: Pick<ChunkTable, 'record' | 'hasPart'>;
  readonly hold: ChunkHold;
  /** The lines are run with care, to find the one that kills workers. */
  readonly careful: boolean;
  /** Lines are durable now. */
  readonly onRecorded: (ended: {
    readonly completed: number;
    readonly failed: number;
    readonly tokens: LineTokens;
  }) => void;
  /** The chunk has another owner by now: whatever this run does is for nothing. */
  readonly onFenced: () => void;
  /** Lines cannot be recorded, and that will not be gone by itself. */
  readonly onDefect: (error: unknown) => void;
  readonly onTrouble: (error: Error) => void;
  readonly signal: AbortSignal;
}

/** Lines that may have ended and not be recorded. They would run again if this worker were killed now. */
const MAX_UNRECORDED = 256;
const MAX_UNRECORDED_BYTES = 4 * 1024 * 1024;
/** Lines that end within this time are recorded together. */
const GATHER_MS = 50;
const OUTAGE_PAUSE_MS = 250;

/**
 * Makes the ends of lines durable, in the order in which they come.
 * 1. One recording is under way at a time; what ends meanwhile goes into the next one, a moment later.
 * 2. `room` holds new lines back while too many have ended that are not recorded.
 * 3. An outage of the database is waited out; a part that was recorded without an answer is not recorded twice.
 */
export class Recorder {
  readonly #options: RecorderOptions;
  #pending: LineResult[] = [];
  #pendingBytes = 0;
  #recording = 0;
  #sequence = 0;
  #running: Promise<void> | undefined;
  #closed = false;
  #room = Promise.withResolvers<void>();
  /** Ends the gathering early. */
  #hurry = new AbortController();

  constructor(options: RecorderOptions) {
    this.#options = options;
    options.signal.addEventListener('abort', () => this.#room.resolve(), { once: true });
  }

  /** Whether lines may begin now. */
  get hasRoom(): boolean {
    return this.#pending.length + this.#recording < MAX_UNRECORDED && this.#pendingBytes < MAX_UNRECORDED_BYTES;
  }

  /** Resolves when lines may begin, or when there is no use in it any more. */
  async room(): Promise<void> {
    while (!this.hasRoom && !this.#closed && !this.#options.signal.aborted) await this.#room.promise;
  }

  push(result: LineResult): void {
    if (this.#closed) return;
    this.#pending.push(result);
    this.#pendingBytes += result.bytes.length;
    this.#running ??= this.#run();
    if (this.#pending.length >= MAX_UNRECORDED / 2 || this.#pendingBytes >= MAX_UNRECORDED_BYTES / 2)
      this.#hurry.abort();
  }

  /** Resolves when everything that was pushed is recorded, or will never be. */
  async flush(): Promise<void> {
    while (this.#running !== undefined) {
      this.#hurry.abort();
      await this.#running;
    }
  }

  async #run(): Promise<void> {
    do {
      await this.#gather();
      const results = this.#pending;
      this.#pending = [];
      this.#pendingBytes = 0;
      this.#recording = results.length;
      await this.#record(results);
      this.#recording = 0;
      this.#room.resolve();
      this.#room = Promise.withResolvers();
    } while (this.#pending.length > 0 && !this.#closed);
    this.#running = undefined;
  }

  async #gather(): Promise<void> {
    // Rejects only when somebody is in a hurry.
    await sleep(GATHER_MS, undefined, { signal: this.#hurry.signal }).catch(() => undefined);
    this.#hurry = new AbortController();
  }

  async #record(results: readonly LineResult[]): Promise<void> {
    const { hold, chunks, careful, signal, onRecorded, onDefect, onTrouble } = this.#options;
    const part = { ...partOf(results, this.#sequence), careful };
    this.#sequence += 1;
    for (let tries = 0; ; tries += 1) {
      try {
        // After a recording that was not answered: it may have been carried out.
        const recorded =
          (tries > 0 && (await chunks.hasPart(hold, part.sequence))) || (await chunks.record(hold, part));
        if (recorded) onRecorded(countsOf(results, part.tokens));
        else this.#fence();
        return;
      } catch (error) {
        if (!isStorageOutage(error)) {
          this.#close();
          onDefect(error);
          return;
        }
        onTrouble(error instanceof Error ? error : new Error(String(error)));
        // Who stops does not wait for a database that is away: the lines run again.
        if (signal.aborted) {
          this.#fence();
          return;
        }
        await sleep(OUTAGE_PAUSE_MS);
      }
    }
  }

  #fence(): void {
    this.#close();
    this.#options.onFenced();
  }

  /** Nothing more is recorded. */
  #close(): void {
    this.#closed = true;
    this.#room.resolve();
  }
}

function partOf(results: readonly LineResult[], sequence: number) {
  const tokens = { input: 0, cached: 0, output: 0, reasoning: 0 };
  for (const { tokens: used } of results) {
    tokens.input += used.input;
    tokens.cached += used.cached;
    tokens.output += used.output;
    tokens.reasoning += used.reasoning;
  }
  return {
    sequence,
    lines: results.map(({ line }) => line),
    sizes: results.map(({ failed, bytes }) => (failed ? -bytes.length : bytes.length)),
    body: Buffer.concat(results.map(({ bytes }) => bytes)),
    tokens,
  };
}

function countsOf(results: readonly LineResult[], tokens: LineTokens) {
  const failed = results.filter((result) => result.failed).length;
  return { completed: results.length - failed, failed, tokens };
}
