import { EngineError } from '@llm-engine/contracts';
import type {
  BatchEnd,
  BatchError,
  BatchStatus,
  BatchUsage,
  InferenceEndpoint,
  LineTokens,
  Priority,
} from '@llm-engine/contracts';
import { and, desc, eq, gt, inArray, isNull, lt, lte, notExists, sql } from './drizzle-orm.ts';
import type { Database } from './database.ts';
import { recordEvent } from './events.ts';
import { batches, chunks, files } from './schema.ts';
import type { BatchRow, FileRow } from './schema.ts';

export interface NewBatch {
  readonly id: string;
  readonly owner: string;
  readonly endpoint: InferenceEndpoint;
  readonly inputFileId: string;
  readonly completionWindow: string;
  readonly priority: Priority;
  readonly metadata?: Readonly<Record<string, string>>;
  /** Life of the files that it makes, in seconds. */
  readonly outputExpiresAfter?: number;
  readonly retryOf?: string;
  readonly idempotencyKey?: string;
  readonly requestDigest?: string;
  readonly createdAt: Date;
  readonly expiresAt: Date;
}

/** A range of lines, as the validation cut it. */
export interface ChunkPlan {
  readonly firstLine: number;
  readonly lines: number;
  readonly byteOffset: number;
  readonly byteLength: number;
}

export interface BatchPlan {
  readonly model: string;
  readonly pool: string;
  readonly total: number;
  readonly chunks: readonly ChunkPlan[];
}

/** What has become of the lines of a batch so far. */
export interface BatchTally {
  readonly completed: number;
  readonly failed: number;
  readonly usage: BatchUsage;
}

export interface BatchPage {
  readonly rows: readonly BatchRow[];
  readonly hasMore: boolean;
}

const ENDED_AT = {
  completed: 'completedAt',
  failed: 'failedAt',
  expired: 'expiredAt',
  cancelled: 'cancelledAt',
} as const satisfies Record<BatchEnd, keyof BatchRow>;

const LIVE = ['validating', 'in_progress', 'finalizing', 'cancelling'] as const satisfies readonly BatchStatus[];
const CHUNKS_AN_INSERT = 1_000;

/** The rows of batches. Each change of status says from which it goes on, so of two that race one changes nothing. */
export class BatchTable {
  readonly #database: Database;

  constructor(database: Database) {
    this.#database = database;
  }

  /**
   * Inserts a batch that validates; resolves with the one that its idempotency key stands for already, if there is one. Throws
   * `file_not_found`. From then on its input file cannot be deleted, until it has ended.
   */
  async create(batch: NewBatch): Promise<BatchRow> {
    const { id, owner, inputFileId, idempotencyKey = '' } = batch;
    return this.#database.db.transaction(async (tx) => {
      const [standing] = await tx
        .select()
        .from(batches)
        .where(and(eq(batches.owner, owner), eq(batches.idempotencyKey, idempotencyKey)));
      if (standing !== undefined) return standing;
      // Locked, so that nobody deletes the file between this look and the commit.
      const [file] = await tx
        .select({ expiresAt: files.expiresAt })
        .from(files)
        .where(and(eq(files.id, inputFileId), eq(files.owner, owner)))
        .for('share');
      if (file === undefined || (file.expiresAt !== null && file.expiresAt <= batch.createdAt)) {
        throw new EngineError(
          'file_not_found',
          `There is no file '${inputFileId}'. Upload it first, with the purpose 'batch'.`,
          {
            param: 'input_file_id',
          },
        );
      }
      const [created] = await tx
        .insert(batches)
        .values({ ...batch, status: 'validating' })
        .onConflictDoNothing({ target: [batches.owner, batches.idempotencyKey] })
        .returning();
      if (created !== undefined) return created;
      const [other] = await tx
        .select()
        .from(batches)
        .where(and(eq(batches.owner, owner), eq(batches.idempotencyKey, idempotencyKey)));
      if (other === undefined) throw new Error(`The batch '${id}' was refused without a conflict.`);
      return other;
    });
  }

  /** Of this owner, or of any. */
  async get(id: string, owner?: string): Promise<BatchRow | undefined> {
    const ofOwner = owner === undefined ? undefined : eq(batches.owner, owner);
    const [row] = await this.#database.db
      .select()
      .from(batches)
      .where(and(eq(batches.id, id), ofOwner));
    return row;
  }

  async withKey(owner: string, idempotencyKey: string): Promise<BatchRow | undefined> {
    const [row] = await this.#database.db
      .select()
      .from(batches)
      .where(and(eq(batches.owner, owner), eq(batches.idempotencyKey, idempotencyKey)));
    return row;
  }

  /** Newest first; the next page begins `after` the last id of this one. */
  async list(
    owner: string,
    { after, limit }: { readonly after?: string | undefined; readonly limit: number },
  ): Promise<BatchPage> {
    const rows = await this.#database.db
      .select()
      .from(batches)
      .where(and(eq(batches.owner, owner), after === undefined ? undefined : lt(batches.id, after)))
      .orderBy(desc(batches.id))
      .limit(limit + 1);
    return { rows: rows.slice(0, limit), hasMore: rows.length > limit };
  }

  /** Counts and tokens of batches, by id. A batch without chunks is missing. */
  async tallies(ids: readonly string[]): Promise<ReadonlyMap<string, BatchTally>> {
    if (ids.length === 0) return new Map();
    const total = (
      column: 'completed' | 'failed' | 'inputTokens' | 'cachedTokens' | 'outputTokens' | 'reasoningTokens',
    ) => sql<number>`coalesce(sum(${chunks[column]}), 0)::bigint`.mapWith(Number);
    const rows = await this.#database.db
      .select({
        batchId: chunks.batchId,
        completed: total('completed'),
        failed: total('failed'),
        input: total('inputTokens'),
        cached: total('cachedTokens'),
        output: total('outputTokens'),
        reasoning: total('reasoningTokens'),
      })
      .from(chunks)
      .where(inArray(chunks.batchId, [...ids]))
      .groupBy(chunks.batchId);
    return new Map(
      rows.map(({ batchId, completed, failed, input, cached, output, reasoning }) => [
        batchId,
        { completed, failed, usage: usageOf({ input, cached, output, reasoning }) },
      ]),
    );
  }

  /** From `validating` to `in_progress`, with its chunks. False when it is not validating any more. */
  async start(id: string, { chunks: plans, ...plan }: BatchPlan, now: Date): Promise<boolean> {
    return this.#database.db.transaction(async (tx) => {
      const started = await tx
        .update(batches)
        .set({ ...plan, status: 'in_progress', inProgressAt: now })
        .where(and(eq(batches.id, id), eq(batches.status, 'validating')))
        .returning({ id: batches.id });
      if (started.length === 0) return false;
      for (let start = 0; start < plans.length; start += CHUNKS_AN_INSERT) {
        const rows = plans.slice(start, start + CHUNKS_AN_INSERT);
        await tx.insert(chunks).values(rows.map((chunk, index) => ({ ...chunk, batchId: id, number: start + index })));
      }
      return true;
    });
  }

  /** From `validating` to `failed`: nothing of it runs. False when it is not validating any more. */
  async fail(
    id: string,
    { errors, total }: { errors: readonly BatchError[]; total: number },
    now: Date,
  ): Promise<boolean> {
    return this.#database.db.transaction(async (tx) => {
      const [failed] = await tx
        .update(batches)
        .set({ status: 'failed', ending: 'failed', errors, total, failedAt: now })
        .where(and(eq(batches.id, id), eq(batches.status, 'validating')))
        .returning();
      if (failed === undefined) return false;
      await recordEvent(tx, { type: 'batch.failed', subject: id, owner: failed.owner, at: now });
      return true;
    });
  }

  /** To `cancelling`. Undefined when it has gone too far for that. */
  async cancel(id: string, now: Date): Promise<BatchRow | undefined> {
    const [row] = await this.#database.db
      .update(batches)
      .set({ status: 'cancelling', ending: 'cancelled', cancellingAt: now, pausedAt: null })
      .where(and(eq(batches.id, id), inArray(batches.status, ['validating', 'in_progress'])))
      .returning();
    return row;
  }

  /** Takes no new lines from now on. Undefined when it does not run. */
  async pause(id: string, now: Date): Promise<BatchRow | undefined> {
    const [row] = await this.#database.db
      .update(batches)
      .set({ pausedAt: sql`coalesce(${batches.pausedAt}, ${now.toISOString()}::timestamptz)` })
      .where(and(eq(batches.id, id), inArray(batches.status, ['validating', 'in_progress'])))
      .returning();
    return row;
  }

  /** Undefined when it does not run. */
  async resume(id: string): Promise<BatchRow | undefined> {
    const [row] = await this.#database.db
      .update(batches)
      .set({ pausedAt: null })
      .where(and(eq(batches.id, id), inArray(batches.status, ['validating', 'in_progress'])))
      .returning();
    return row;
  }

  /**
   * Batches whose window has passed begin to be finalised, with the lines that have ended; also those whose input could not be
   * read in all that time. Resolves with their ids.
   */
  async expire(now: Date): Promise<string[]> {
    const rows = await this.#database.db
      .update(batches)
      .set({ status: 'finalizing', ending: 'expired', finalizingAt: now, pausedAt: null })
      .where(and(inArray(batches.status, ['validating', 'in_progress']), lte(batches.expiresAt, now)))
      .returning({ id: batches.id });
    return rows.map(({ id }) => id);
  }

  /** From `in_progress` to `finalizing`, once all chunks are sealed. False when it is not so far, or further. */
  async beginFinalizing(id: string, now: Date): Promise<boolean> {
    const open = this.#database.db
      .select({ number: chunks.number })
      .from(chunks)
      .where(and(eq(chunks.batchId, id), isNull(chunks.sealedAt)));
    const begun = await this.#database.db
      .update(batches)
      .set({ status: 'finalizing', ending: 'completed', finalizingAt: now, pausedAt: null })
      .where(and(eq(batches.id, id), eq(batches.status, 'in_progress'), notExists(open)))
      .returning({ id: batches.id });
    return begun.length > 0;
  }

  /** To its end, with the files that it made. False when it has ended already. */
  async finish(
    id: string,
    { output, error }: { readonly output?: FileRow | undefined; readonly error?: FileRow | undefined },
    now: Date,
  ): Promise<boolean> {
    return this.#database.db.transaction(async (tx) => {
      const [row] = await tx
        .select()
        .from(batches)
        .where(and(eq(batches.id, id), inArray(batches.status, ['finalizing', 'cancelling'])))
        .for('update');
      if (row?.ending == null) return false;
      const made = [output, error].filter((file) => file !== undefined);
      if (made.length > 0) await tx.insert(files).values(made).onConflictDoNothing();
      await tx
        .update(batches)
        .set({
          status: row.ending,
          [ENDED_AT[row.ending]]: now,
          outputFileId: output?.id ?? null,
          errorFileId: error?.id ?? null,
        })
        .where(eq(batches.id, id));
      await recordEvent(tx, { type: `batch.${row.ending}`, subject: id, owner: row.owner, at: now });
      return true;
    });
  }

  /** How batches stand, for those who run them. */
  async standing(ids: readonly string[]): Promise<ReadonlyMap<string, Pick<BatchRow, 'status' | 'pausedAt'>>> {
    if (ids.length === 0) return new Map();
    const rows = await this.#database.db
      .select({ id: batches.id, status: batches.status, pausedAt: batches.pausedAt })
      .from(batches)
      .where(inArray(batches.id, [...ids]));
    return new Map(rows.map(({ id, ...standing }) => [id, standing]));
  }

  /** A page of the batches that have not ended, oldest first. */
  async live({
    after = '',
    limit,
  }: {
    readonly after?: string | undefined;
    readonly limit: number;
  }): Promise<BatchRow[]> {
    return this.#database.db
      .select()
      .from(batches)
      .where(and(inArray(batches.status, [...LIVE]), gt(batches.id, after)))
      .orderBy(batches.id)
      .limit(limit);
  }
}

/** Token counts as the API answers them. */
export function usageOf({ input, cached, output, reasoning }: LineTokens): BatchUsage {
  return {
    input_tokens: input,
    input_tokens_details: { cached_tokens: cached },
    output_tokens: output,
    output_tokens_details: { reasoning_tokens: reasoning },
    total_tokens: input + output,
  };
}
