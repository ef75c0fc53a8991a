import { Readable } from 'node:stream';
import type { Batches } from '@llm-engine/batches';
import { isBatchEnd } from '@llm-engine/contracts';
import type { InferenceEndpoint, OpenAIBatch, Priority } from '@llm-engine/contracts';
import type { FileStore } from '@llm-engine/storage';
import type { Asking } from './asking.ts';
import { waitUntil } from './wait-until.ts';
import type { ProgressOptions } from './wait-until.ts';

/** A file of requests to run, a JSON line each, as OpenAI's batches have them. */
export interface BatchFile {
  /** A path, or the bytes. */
  readonly file: string | AsyncIterable<Uint8Array>;
  /** Of every line. */
  readonly endpoint: InferenceEndpoint;
  /** Until when it ends, from `1m` to `30d`; what has ended by then is kept. Default `24h`. */
  readonly completionWindow?: string;
  /** At most 16 pairs that are kept with the batch. */
  readonly metadata?: Readonly<Record<string, string>>;
  /** Default `bulk`. */
  readonly priority?: Priority;
}

export interface BatchTools {
  readonly owner: string;
  readonly batches: Batches;
  readonly files: FileStore;
  readonly asking: Asking;
}

/** A batch that was submitted, by its id. Holds no resource; make as many as you like. */
export class BatchHandle {
  readonly id: string;
  readonly #tools: BatchTools;

  constructor(id: string, tools: BatchTools) {
    this.id = id;
    this.#tools = tools;
  }

  /** Status, counts and tokens as they stand, in OpenAI's shape. */
  status(): Promise<OpenAIBatch> {
    const { owner, batches, asking } = this.#tools;
    return asking(() => batches.get(owner, this.id));
  }

  /** Waits for the end of the batch, however it ends: look at `status` and `errors`. Throws `wait_timeout`. */
  wait(options: ProgressOptions<OpenAIBatch> = {}): Promise<OpenAIBatch> {
    return waitUntil(
      { what: `the batch '${this.id}'`, look: () => this.status(), isEnded: ({ status }) => isBatchEnd(status) },
      options,
    );
  }

  /** Results of the lines that have succeeded so far, a JSON line each, in the order of the input. */
  async output(): Promise<Readable> {
    const { owner, batches, asking } = this.#tools;
    return Readable.from(await asking(() => batches.output(owner, this.id)), { objectMode: false });
  }

  /** The lines that failed, or never ran, once the batch has ended; nothing before, and where there are none. */
  async errors(): Promise<Readable> {
    const { owner, files, asking } = this.#tools;
    const { error_file_id: fileId } = await this.status();
    return fileId === null ? Readable.from([]) : asking(() => files.content(owner, fileId));
  }

  /** Stops it, and keeps what has ended. Throws `batch_already_finished`. */
  cancel(): Promise<OpenAIBatch> {
    const { owner, batches, asking } = this.#tools;
    return asking(() => batches.cancel(owner, this.id));
  }

  /** No more lines begin; those that run come to their end. Throws `batch_already_finished`. */
  pause(): Promise<OpenAIBatch> {
    const { owner, batches, asking } = this.#tools;
    return asking(() => batches.pause(owner, this.id));
  }

  /** Goes on where it was paused. Throws `batch_already_finished`. */
  resume(): Promise<OpenAIBatch> {
    const { owner, batches, asking } = this.#tools;
    return asking(() => batches.resume(owner, this.id));
  }

  /**
   * Runs the lines that failed again, as a new batch. Asked twice, it is the same new batch. Throws `batch_not_finished`, and
   * `batch_not_retryable` where no line failed.
   */
  async retry(): Promise<BatchHandle> {
    const { owner, batches, asking } = this.#tools;
    const { id } = await asking(() => batches.retry(owner, this.id));
    return new BatchHandle(id, this.#tools);
  }
}
