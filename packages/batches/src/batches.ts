import { createHash } from 'node:crypto';
import { EngineError, batchRequest, describeIssue, isBatchEnd, newId, windowSeconds } from '@llm-engine/contracts';
import type { BatchRequest, OpenAIBatch } from '@llm-engine/contracts';
import type { TaskSender } from '@llm-engine/queue';
import type { BatchRow, BatchTable, ChunkTable, FileStore, ObjectStore } from '@llm-engine/storage';
import { readPartialOutput } from './partial-output.ts';
import { failedLines } from './retry-input.ts';
import { retryKey } from './retry-key.ts';
import { STOP_TIME_MS, chunkTask, finaliseTask, validateTask } from './tasks.ts';
import type { PlacedTask } from './tasks.ts';
import { toOpenAIBatch } from './wire.ts';

export interface BatchesOptions {
  readonly batches: BatchTable;
  readonly chunks: ChunkTable;
  readonly files: FileStore;
  readonly objects: ObjectStore;
  readonly tasks: Pick<TaskSender, 'add'>;
  /** Largest input file, in bytes. Default 200 MB. */
  readonly maxInputBytes?: number;
  /** A task that could not be queued now: the reconciler queues it later. */
  readonly onTrouble?: (error: Error) => void;
}

export interface BatchList {
  readonly data: readonly OpenAIBatch[];
  readonly hasMore: boolean;
}

/** What is none of ours is not looked up: the database takes no text with a NUL in it. */
const BATCH_ID = /^batch_\w+$/;
const MB = 1_000_000;
const DEFAULT_MAX_INPUT_BYTES = 200 * MB;
const MAX_PAGE = 100;
const DEFAULT_PAGE = 20;

/**
 * Batches of one owner, from outside.
 * 1. Makes, lists, cancels, pauses and resumes them; every change is in the database before it is answered.
 * 2. Reads what a batch has brought so far.
 * 3. Makes a new batch of the lines that failed.
 * Tasks are only a hint to the workers, so a queue that is away delays a batch and loses nothing.
 */
export class Batches {
  readonly #options: BatchesOptions;

  constructor(options: BatchesOptions) {
    this.#options = options;
  }

  /**
   * Makes a batch, whose input is validated by a worker then. With an idempotency key the same request is the same batch, and
   * another one is refused as `idempotency_conflict`. Throws `invalid_request`, `file_not_found`, `file_too_large`.
   */
  async create(
    owner: string,
    request: unknown,
    { idempotencyKey }: { readonly idempotencyKey?: string } = {},
  ): Promise<OpenAIBatch> {
    const parsed = parseRequest(request);
    // Who asks again, because he heard no answer, gets it also when the batch has ended and its input is gone.
    const standing =
      idempotencyKey === undefined ? undefined : await this.#options.batches.withKey(owner, idempotencyKey);
    if (standing === undefined) await this.#requireInput(owner, parsed.input_file_id);
    return this.#insert(owner, parsed, { ...(idempotencyKey !== undefined && { idempotencyKey }) });
  }

  /** Throws `batch_not_found`. */
  async get(owner: string, id: string): Promise<OpenAIBatch> {
    return this.#view(await this.#row(owner, id));
  }

  /** Newest first; the next page begins `after` the last id of this one. `limit` is 1 to 100. */
  async list(
    owner: string,
    { after, limit = DEFAULT_PAGE }: { readonly after?: string | undefined; readonly limit?: number | undefined } = {},
  ): Promise<BatchList> {
    if (!Number.isInteger(limit) || limit < 1 || limit > MAX_PAGE) {
      throw new EngineError('invalid_request', `'limit' is a whole number from 1 to ${MAX_PAGE}.`, { param: 'limit' });
    }
    const { batches } = this.#options;
    const { rows, hasMore } = await batches.list(owner, { after, limit });
    const tallies = await batches.tallies(rows.map(({ id }) => id));
    return { data: rows.map((row) => toOpenAIBatch(row, tallies.get(row.id))), hasMore };
  }

  /**
   * Stops a batch: lines in flight are stopped within two seconds, what has ended is kept, and the rest goes to the error file as
   * `batch_cancelled`. Throws `batch_not_found`, `batch_already_finished`.
   */
  async cancel(owner: string, id: string): Promise<OpenAIBatch> {
    const row = await this.#row(owner, id);
    if (row.status === 'cancelling') return this.#view(row);
    const cancelled = await this.#options.batches.cancel(id, new Date());
    if (cancelled === undefined) throw tooLate(await this.#row(owner, id), 'cancelled');
    await this.#place([finaliseTask(id, STOP_TIME_MS)]);
    return this.#view(cancelled);
  }

  /** No more lines begin; those in flight come to their end. Its window goes on. Throws as `cancel` does. */
  async pause(owner: string, id: string): Promise<OpenAIBatch> {
    const paused = await this.#change(owner, id, (now) => this.#options.batches.pause(id, now), 'paused');
    return this.#view(paused);
  }

  /** Goes on where it was paused. Throws as `cancel` does. */
  async resume(owner: string, id: string): Promise<OpenAIBatch> {
    const resumed = await this.#change(owner, id, () => this.#options.batches.resume(id), 'resumed');
    if (resumed.status === 'in_progress') {
      const numbers = await this.#options.chunks.unsealed(id);
      await this.#place(numbers.map((number) => chunkTask(resumed, number)));
    }
    return this.#view(resumed);
  }

  /**
   * Makes a new batch of the lines that failed, or were never run; with the same settings and window. Asked twice, it is the
   * same new batch. Throws `batch_not_found`, `batch_not_finished`, `batch_not_retryable` where no line failed, and `file_not_found`
   * where its files are gone.
   */
  async retry(owner: string, id: string): Promise<OpenAIBatch> {
    const row = await this.#row(owner, id);
    if (!isBatchEnd(row.status)) {
      throw new EngineError(
        'batch_not_finished',
        `The batch '${id}' is ${row.status}; wait for its end, or cancel it.`,
      );
    }
    const { idempotencyKey, standing } = await this.#retryOf(owner, id);
    if (standing !== undefined) return this.#view(standing);
    if (row.errorFileId === null) {
      throw new EngineError(
        'batch_not_retryable',
        `No line of the batch '${id}' failed, so there is nothing to try again.`,
      );
    }
    const { files, objects } = this.#options;
    const source = failedLines({ objects, inputFileId: row.inputFileId, errorFileId: row.errorFileId });
    const { filename } = await files.get(owner, row.inputFileId);
    await files.get(owner, row.errorFileId);
    const input = await files.create({ owner, purpose: 'batch', filename: retryName(filename), source });
    const request = {
      input_file_id: input.id,
      endpoint: row.endpoint,
      completion_window: row.completionWindow,
      priority: row.priority,
      ...(row.metadata !== null && { metadata: { ...row.metadata } }),
      ...(row.outputExpiresAfter !== null && {
        output_expires_after: { anchor: 'created_at' as const, seconds: row.outputExpiresAfter },
      }),
    };
    let retried: OpenAIBatch;
    try {
      retried = await this.#insert(owner, request, { idempotencyKey, retryOf: id });
    } catch (error) {
      // Should the batch be there all the same, its input cannot be deleted.
      await files.delete(owner, input.id).catch(() => undefined);
      throw error;
    }
    // Asked twice at once: the other one's file is the input.
    if (retried.input_file_id !== input.id) await files.delete(owner, input.id);
    return retried;
  }

  /** The retry that there is, or the key for the next one: a retry whose file was refused has tried nothing. */
  async #retryOf(owner: string, id: string): Promise<{ idempotencyKey: string; standing: BatchRow | undefined }> {
    for (let time = 1; ; time += 1) {
      const idempotencyKey = retryKey(id, time);
      const standing = await this.#options.batches.withKey(owner, idempotencyKey);
      if (standing?.status !== 'failed') return { idempotencyKey, standing };
    }
  }

  /**
   * The results of the lines that have succeeded so far, in the order of the input, while the batch runs; its output file once it
   * has ended. Throws `batch_not_found`.
   */
  async output(owner: string, id: string): Promise<AsyncIterable<Uint8Array>> {
    const row = await this.#row(owner, id);
    if (row.outputFileId !== null) return this.#options.files.content(owner, row.outputFileId);
    return readPartialOutput(row, this.#options);
  }

  async #insert(
    owner: string,
    request: BatchRequest,
    extra: { readonly idempotencyKey?: string; readonly retryOf?: string },
  ): Promise<OpenAIBatch> {
    const createdAt = new Date();
    const windowS = windowSeconds(request.completion_window) ?? 0;
    const requestDigest = createHash('sha256').update(JSON.stringify(request)).digest('base64url');
    const row = await this.#options.batches.create({
      id: newId('batch_', createdAt.getTime()),
      owner,
      endpoint: request.endpoint,
      inputFileId: request.input_file_id,
      completionWindow: request.completion_window,
      priority: request.priority ?? 'bulk',
      ...(request.metadata != null && { metadata: request.metadata }),
      ...(request.output_expires_after != null && { outputExpiresAfter: request.output_expires_after.seconds }),
      ...extra,
      requestDigest,
      createdAt,
      expiresAt: new Date(createdAt.getTime() + windowS * 1_000),
    });
    if (extra.retryOf === undefined && row.requestDigest !== requestDigest) {
      throw new EngineError(
        'idempotency_conflict',
        `The idempotency key '${extra.idempotencyKey}' stands for the batch '${row.id}', which was made by another request. Use a new key.`,
      );
    }
    if (row.status === 'validating') await this.#place([validateTask(row.id)]);
    return this.#view(row);
  }

  async #requireInput(owner: string, fileId: string): Promise<void> {
    const { files, maxInputBytes = DEFAULT_MAX_INPUT_BYTES } = this.#options;
    const { purpose, bytes } = await files.get(owner, fileId);
    if (purpose !== 'batch') {
      throw new EngineError(
        'invalid_request',
        `The file '${fileId}' was uploaded with the purpose '${purpose}'. Upload it with the purpose 'batch'.`,
        { param: 'input_file_id' },
      );
    }
    if (bytes > maxInputBytes) {
      throw new EngineError(
        'file_too_large',
        `The file '${fileId}' has ${bytes} bytes; a batch takes at most ${maxInputBytes}. Split it into several batches.`,
        { param: 'input_file_id' },
      );
    }
  }

  async #row(owner: string, id: string): Promise<BatchRow> {
    const row = BATCH_ID.test(id) ? await this.#options.batches.get(id, owner) : undefined;
    if (row !== undefined) return row;
    throw new EngineError(
      'batch_not_found',
      `There is no batch '${id.slice(0, 64)}'. List batches to see which there are.`,
      {
        param: 'id',
      },
    );
  }

  async #change(
    owner: string,
    id: string,
    change: (now: Date) => Promise<BatchRow | undefined>,
    what: string,
  ): Promise<BatchRow> {
    const row = await this.#row(owner, id);
    const changed = await change(new Date());
    if (changed === undefined) throw tooLate(await this.#row(owner, row.id), what);
    return changed;
  }

  async #view(row: BatchRow): Promise<OpenAIBatch> {
    const tallies = await this.#options.batches.tallies([row.id]);
    return toOpenAIBatch(row, tallies.get(row.id));
  }

  /** What cannot be queued now is queued by the reconciler: the batch itself is safe. */
  async #place(placed: readonly PlacedTask[]): Promise<void> {
    const byQueue = Map.groupBy(placed, ({ queue }) => queue);
    try {
      for (const [queue, members] of byQueue)
        await this.#options.tasks.add(
          queue,
          members.map(({ task }) => task),
        );
    } catch (error) {
      this.#options.onTrouble?.(error instanceof Error ? error : new Error(String(error)));
    }
  }
}

function parseRequest(request: unknown): BatchRequest {
  const parsed = batchRequest.safeParse(request);
  if (parsed.success) return parsed.data;
  const { message, param } = describeIssue(parsed.error);
  throw new EngineError('invalid_request', message, { param });
}

function tooLate({ id, status }: BatchRow, what: string): EngineError {
  return new EngineError('batch_already_finished', `The batch '${id}' is ${status} and cannot be ${what} any more.`);
}

function retryName(filename: string): string {
  const stem = filename.replace(/(\.retry)?\.jsonl$/, '');
  return `${stem}.retry.jsonl`;
}
