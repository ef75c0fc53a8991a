import type { LineTokens } from '@llm-engine/contracts';
import { and, asc, eq, gt, isNull, sql } from './drizzle-orm.ts';
import type { Database } from './database.ts';
import { batches, chunks, parts } from './schema.ts';
import type { BatchRow, ChunkRow } from './schema.ts';

/** A worker's hold on a chunk: whoever claims it later holds a higher epoch, and then this one records nothing. */
export interface ChunkHold {
  readonly batchId: string;
  readonly number: number;
  readonly epoch: number;
}

/** Where the result of a line lies. */
export interface ResultPlace {
  /** Line of the chunk, from 0. */
  readonly line: number;
  readonly failed: boolean;
  readonly epoch: number;
  readonly sequence: number;
  /** In the body of its part, in bytes. */
  readonly offset: number;
  readonly bytes: number;
}

export interface Claim extends ChunkHold {
  readonly batch: BatchRow;
  readonly chunk: ChunkRow;
  /** Of the lines that have ended, in no order. */
  readonly results: readonly ResultPlace[];
}

/** Lines that ended together. */
export interface Part {
  /** Counts the parts of a hold, from 0: recording the same one again changes nothing. */
  readonly sequence: number;
  /** Of the chunk, from 0. */
  readonly lines: readonly number[];
  /** Bytes of each line's result in `body`; negative for one that failed. */
  readonly sizes: readonly number[];
  readonly body: Uint8Array;
  readonly tokens: LineTokens;
  /** They were run with care: that they have ended does not mean that the others kill no worker. */
  readonly careful: boolean;
}

interface Seal {
  readonly outputBytes: number;
  readonly errorBytes: number;
  /** Lines that failed by not having been run. */
  readonly neverRun: number;
}

/** The epoch condition and the insert are one statement: a part is recorded whole, once, and by the owner. */
const RECORD = `
WITH held AS (
  UPDATE chunks
  SET completed = completed + $8, failed = failed + $9, input_tokens = input_tokens + $10, cached_tokens = cached_tokens + $11,
      output_tokens = output_tokens + $12, reasoning_tokens = reasoning_tokens + $13,
      progress_epoch = CASE WHEN $14 THEN progress_epoch ELSE epoch END, suspect_line = NULL, suspect_deaths = 0
  WHERE batch_id = $1 AND number = $2 AND epoch = $3 AND sealed_at IS NULL
    AND NOT EXISTS (SELECT 1 FROM parts WHERE batch_id = $1 AND chunk = $2 AND epoch = $3 AND sequence = $4)
  RETURNING 1
)
INSERT INTO parts (batch_id, chunk, epoch, sequence, lines, sizes, body) SELECT $1, $2, $3, $4, $5, $6, $7 FROM held`;

/** Parts are deleted with the seal: from then on the sealed objects are the truth about the lines. */
const SEAL = `
WITH sealed AS (
  UPDATE chunks
  SET sealed_at = now(), sealed_epoch = epoch, progress_epoch = epoch, output_bytes = $4, error_bytes = $5, failed = failed + $6
  WHERE batch_id = $1 AND number = $2 AND epoch = $3 AND sealed_at IS NULL
  RETURNING 1
), emptied AS (
  DELETE FROM parts WHERE batch_id = $1 AND chunk = $2 AND EXISTS (SELECT 1 FROM sealed)
)
SELECT 1 FROM sealed`;

/** The rows of chunks and parts. What is written under an epoch that is not the newest changes nothing, and resolves with false. */
export class ChunkTable {
  readonly #database: Database;

  constructor(database: Database) {
    this.#database = database;
  }

  /**
   * Takes a chunk over from whoever holds it. Undefined when it is sealed, or its batch takes no lines now.
   * `closing` takes it over to seal it whatever has not run.
   */
  async claim(batchId: string, number: number, { closing = false } = {}): Promise<Claim | undefined> {
    return this.#database.db.transaction(async (tx) => {
      const [batch] = await tx.select().from(batches).where(eq(batches.id, batchId)).for('share');
      if (batch === undefined || !(closing || takesLines(batch))) return undefined;
      const [chunk] = await tx
        .update(chunks)
        .set({ epoch: sql`${chunks.epoch} + 1` })
        .where(and(eq(chunks.batchId, batchId), eq(chunks.number, number), isNull(chunks.sealedAt)))
        .returning();
      if (chunk === undefined) return undefined;
      // Read after the epoch was raised: whatever was recorded before is here, and nothing comes after.
      const recorded = await tx
        .select({ epoch: parts.epoch, sequence: parts.sequence, lines: parts.lines, sizes: parts.sizes })
        .from(parts)
        .where(and(eq(parts.batchId, batchId), eq(parts.chunk, number)));
      return { batchId, number, epoch: chunk.epoch, batch, chunk, results: recorded.flatMap(placesIn) };
    });
  }

  /** Records lines that have ended. False when the chunk has another owner, or is sealed. */
  async record({ batchId, number, epoch }: ChunkHold, part: Part): Promise<boolean> {
    const { sequence, lines, sizes, body, tokens, careful } = part;
    const failed = sizes.filter((bytes) => bytes < 0).length;
    const { rowCount } = await this.#database.pool.query({
      name: 'record-part',
      text: RECORD,
      values: [
        batchId,
        number,
        epoch,
        sequence,
        lines,
        sizes,
        body,
        lines.length - failed,
        failed,
        tokens.input,
        tokens.cached,
        tokens.output,
        tokens.reasoning,
        careful,
      ],
    });
    return rowCount === 1;
  }

  /** Whether a part was recorded, of which it is not known. */
  async hasPart({ batchId, number, epoch }: ChunkHold, sequence: number): Promise<boolean> {
    const rows = await this.#database.db
      .select({ sequence: parts.sequence })
      .from(parts)
      .where(
        and(eq(parts.batchId, batchId), eq(parts.chunk, number), eq(parts.epoch, epoch), eq(parts.sequence, sequence)),
      );
    return rows.length === 1;
  }

  /** The recorded results that lie side by side in one part. */
  async read(
    { batchId, number }: Pick<ChunkHold, 'batchId' | 'number'>,
    { epoch, sequence, offset, bytes }: Omit<ResultPlace, 'line' | 'failed'>,
  ): Promise<Uint8Array> {
    const { rows } = await this.#database.pool.query<{ body: Uint8Array }>({
      name: 'read-part',
      text: 'SELECT substring(body FROM $5 FOR $6) AS body FROM parts WHERE batch_id = $1 AND chunk = $2 AND epoch = $3 AND sequence = $4',
      values: [batchId, number, epoch, sequence, offset + 1, bytes],
    });
    const [row] = rows;
    if (row === undefined)
      throw new Error(`The chunk ${number} of the batch '${batchId}' was sealed while it was read.`);
    return row.body;
  }

  /** The recorded results of a chunk that is not sealed, in no order. */
  async results({ batchId, number }: Pick<ChunkHold, 'batchId' | 'number'>): Promise<ResultPlace[]> {
    const recorded = await this.#database.db
      .select({ epoch: parts.epoch, sequence: parts.sequence, lines: parts.lines, sizes: parts.sizes })
      .from(parts)
      .where(and(eq(parts.batchId, batchId), eq(parts.chunk, number)));
    return recorded.flatMap(placesIn);
  }

  /** The run ended in an orderly way: its epoch does not count as one that died, and its line is no suspect. */
  async handOver({ batchId, number, epoch }: ChunkHold): Promise<void> {
    await this.#database.db
      .update(chunks)
      .set({ progressEpoch: epoch, suspectLine: null, suspectDeaths: 0 })
      .where(and(eq(chunks.batchId, batchId), eq(chunks.number, number), eq(chunks.epoch, epoch)));
  }

  /** A line begins that may kill its worker, alone. Resolves with how many workers it has outlived; undefined when fenced. */
  async suspect({ batchId, number, epoch }: ChunkHold, line: number): Promise<number | undefined> {
    const [row] = await this.#database.db
      .update(chunks)
      .set({
        suspectLine: line,
        suspectDeaths: sql`case when ${chunks.suspectLine} = ${line} then ${chunks.suspectDeaths} + 1 else 0 end`,
      })
      .where(and(eq(chunks.batchId, batchId), eq(chunks.number, number), eq(chunks.epoch, epoch)))
      .returning({ deaths: chunks.suspectDeaths });
    return row?.deaths;
  }

  /** The objects of the chunk hold every line's result from now on. False when the chunk has another owner, or is sealed. */
  async seal({ batchId, number, epoch }: ChunkHold, { outputBytes, errorBytes, neverRun }: Seal): Promise<boolean> {
    const { rowCount } = await this.#database.pool.query({
      name: 'seal-chunk',
      text: SEAL,
      values: [batchId, number, epoch, outputBytes, errorBytes, neverRun],
    });
    return rowCount === 1;
  }

  /** Numbers of the chunks that are not sealed, in order. */
  async unsealed(batchId: string): Promise<number[]> {
    const rows = await this.#database.db
      .select({ number: chunks.number })
      .from(chunks)
      .where(and(eq(chunks.batchId, batchId), isNull(chunks.sealedAt)))
      .orderBy(asc(chunks.number));
    return rows.map(({ number }) => number);
  }

  /** A page of the chunks of a batch, in order. */
  async page(batchId: string, { after = -1, limit = 500 } = {}): Promise<ChunkRow[]> {
    return this.#database.db
      .select()
      .from(chunks)
      .where(and(eq(chunks.batchId, batchId), gt(chunks.number, after)))
      .orderBy(asc(chunks.number))
      .limit(limit);
  }
}

export function takesLines({ status, pausedAt }: Pick<BatchRow, 'status' | 'pausedAt'>): boolean {
  return status === 'in_progress' && pausedAt === null;
}

function placesIn({
  epoch,
  sequence,
  lines,
  sizes,
}: Pick<typeof parts.$inferSelect, 'epoch' | 'sequence' | 'lines' | 'sizes'>): ResultPlace[] {
  let offset = 0;
  return lines.map((line, index) => {
    const size = sizes[index] ?? 0;
    const bytes = Math.abs(size);
    const place = { line, failed: size < 0, epoch, sequence, offset, bytes };
    offset += bytes;
    return place;
  });
}
