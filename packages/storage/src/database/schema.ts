import type {
  BatchEnd,
  BatchError,
  BatchStatus,
  FilePurpose,
  GroupMetric,
  InferenceEndpoint,
  JobRecord,
  JobSubmission,
  Priority,
  TerminalState,
} from '@llm-engine/contracts';
import { sql } from './drizzle-orm.ts';
import {
  bigint,
  customType,
  doublePrecision,
  foreignKey,
  index,
  integer,
  json,
  pgTable,
  primaryKey,
  text,
  timestamp,
  uniqueIndex,
} from './drizzle-orm.ts';

const bytea = customType<{ data: Uint8Array }>({ dataType: () => 'bytea' });
const time = () => timestamp({ withTimezone: true, mode: 'date', precision: 3 });
const count = () => integer().notNull().default(0);
const bigCount = () => bigint({ mode: 'number' }).notNull().default(0);

// JSON columns are `json`, which keeps any JSON text as it came: `jsonb` takes no \u0000, which people and models may well write.

type Metadata = Readonly<Record<string, string>>;

/** Files that were uploaded, or made by the engine. The bytes lie in the object `files/<id>`. */
export const files = pgTable(
  'files',
  {
    id: text().primaryKey(),
    owner: text().notNull(),
    purpose: text().$type<FilePurpose>().notNull(),
    filename: text().notNull(),
    bytes: bigint({ mode: 'number' }).notNull(),
    createdAt: time().notNull(),
    expiresAt: time(),
  },
  (table) => [index().on(table.owner, table.id), index().on(table.expiresAt)],
);

/** Batches of lines. Ids sort by time, so they are the cursors of lists. */
export const batches = pgTable(
  'batches',
  {
    id: text().primaryKey(),
    owner: text().notNull(),
    endpoint: text().$type<InferenceEndpoint>().notNull(),
    inputFileId: text().notNull(),
    completionWindow: text().notNull(),
    priority: text().$type<Priority>().notNull(),
    metadata: json().$type<Metadata>(),
    /** Life of the files that it makes, in seconds. */
    outputExpiresAfter: integer(),
    status: text().$type<BatchStatus>().notNull(),
    /** How it will have ended once it is finalised. */
    ending: text().$type<BatchEnd>(),
    /** What is wrong with the input file. */
    errors: json().$type<readonly BatchError[]>(),
    model: text(),
    /** Its chunks wait in the queue `batch.<pool>`. */
    pool: text(),
    /** Lines to run. */
    total: count(),
    outputFileId: text(),
    errorFileId: text(),
    retryOf: text(),
    idempotencyKey: text(),
    /** Digest of the request that came with the idempotency key. */
    requestDigest: text(),
    createdAt: time().notNull(),
    expiresAt: time().notNull(),
    pausedAt: time(),
    inProgressAt: time(),
    finalizingAt: time(),
    completedAt: time(),
    failedAt: time(),
    expiredAt: time(),
    cancellingAt: time(),
    cancelledAt: time(),
  },
  (table) => [
    index().on(table.owner, table.id),
    index()
      .on(table.status)
      .where(sql`status in ('validating', 'in_progress', 'finalizing', 'cancelling')`),
    uniqueIndex().on(table.owner, table.idempotencyKey),
  ],
);

/** A range of lines of a batch's input, run by one worker at a time. */
export const chunks = pgTable(
  'chunks',
  {
    batchId: text()
      .notNull()
      .references(() => batches.id, { onDelete: 'cascade' }),
    /** From 0, in the order of the input. */
    number: integer().notNull(),
    /** Number of its first line in the file, from 1. */
    firstLine: integer().notNull(),
    /** Lines to run. Blank lines do not count. */
    lines: integer().notNull(),
    /** Where its bytes begin in the input, and how many there are. */
    byteOffset: bigint({ mode: 'number' }).notNull(),
    byteLength: integer().notNull(),
    /** Raised by each new owner: what writes under an older one is refused. */
    epoch: count(),
    /** The epoch that last recorded a line, or ended in an orderly way. Epochs since then died without a word. */
    progressEpoch: count(),
    /** While lines run one by one to find the one that kills workers: which runs, and how many workers it has outlived. */
    suspectLine: integer(),
    suspectDeaths: count(),
    completed: count(),
    failed: count(),
    inputTokens: bigCount(),
    cachedTokens: bigCount(),
    outputTokens: bigCount(),
    reasoningTokens: bigCount(),
    /** When its results were sealed into objects, under which epoch, and how large they are. */
    sealedAt: time(),
    sealedEpoch: integer(),
    outputBytes: bigCount(),
    errorBytes: bigCount(),
  },
  (table) => [
    primaryKey({ columns: [table.batchId, table.number] }),
    index()
      .on(table.batchId)
      .where(sql`sealed_at is null`),
  ],
);

/** Lines of a chunk that have ended and were recorded together. Kept until the chunk is sealed. */
export const parts = pgTable(
  'parts',
  {
    batchId: text().notNull(),
    chunk: integer().notNull(),
    /** Under which epoch, and as which part of it, they were recorded: a part that is recorded again changes nothing. */
    epoch: integer().notNull(),
    sequence: integer().notNull(),
    /** Which lines of the chunk, from 0. */
    lines: integer().array().notNull(),
    /** How long the result of each is in `body`, in bytes; negative for one that failed. */
    sizes: integer().array().notNull(),
    /** The results, one JSON line each, in the order of `lines`. */
    body: bytea().notNull(),
  },
  (table) => [
    primaryKey({ columns: [table.batchId, table.chunk, table.epoch, table.sequence] }),
    foreignKey({
      columns: [table.batchId, table.chunk],
      foreignColumns: [chunks.batchId, chunks.number],
    }).onDelete('cascade'),
  ],
);

/** Jobs that were submitted as one. */
export const groups = pgTable(
  'groups',
  {
    id: text().primaryKey(),
    owner: text().notNull(),
    metadata: json().$type<Metadata>(),
    metric: json().$type<GroupMetric>(),
    total: integer().notNull(),
    retryOf: text(),
    idempotencyKey: text(),
    requestDigest: text(),
    createdAt: time().notNull(),
    cancelledAt: time(),
    /** When the end of the last of its jobs was recorded. */
    finishedAt: time(),
  },
  (table) => [
    index().on(table.owner, table.id),
    index()
      .on(table.finishedAt)
      .where(sql`finished_at is null`),
    uniqueIndex().on(table.owner, table.idempotencyKey),
  ],
);

/** History of jobs: what was asked for, and how it ended. Holds the jobs of groups. */
export const jobs = pgTable(
  'jobs',
  {
    id: text().primaryKey(),
    owner: text().notNull(),
    groupId: text().references(() => groups.id, { onDelete: 'cascade' }),
    /** Place in its group, from 0. */
    groupIndex: integer(),
    submission: json().$type<JobSubmission>().notNull(),
    /** The queue that it waits in, or waited in. */
    queue: text().notNull(),
    /** Its end; null while it has none. */
    record: json().$type<JobRecord>(),
    /** What is counted of its end. */
    state: text().$type<TerminalState>(),
    promptTokens: bigCount(),
    completionTokens: bigCount(),
    /** What the metric of its group says of its result; null where it says nothing. */
    score: doublePrecision(),
    createdAt: time().notNull(),
    finishedAt: time(),
  },
  (table) => [
    uniqueIndex().on(table.groupId, table.groupIndex),
    index().on(table.owner, table.id),
    index('jobs_open_index')
      .on(table.groupId, table.groupIndex)
      .where(sql`finished_at is null`),
  ],
);

/** What happened to batches, groups and fine-tunes, and where it still has to be told. */
export const events = pgTable(
  'events',
  {
    id: text().primaryKey(),
    owner: text().notNull(),
    /** Such as `batch.completed`. */
    type: text().notNull(),
    /** Id of what it happened to. */
    subject: text().notNull(),
    createdAt: time().notNull(),
    /** When the webhook took it; null while it has not. */
    deliveredAt: time(),
    /** When to try the webhook next; null when there is nothing left to try. */
    deliverAt: time(),
    attempts: count(),
    /** What the webhook last answered, in words. */
    lastError: text(),
  },
  (table) => [
    index().on(table.subject),
    index()
      .on(table.deliverAt)
      .where(sql`deliver_at is not null`),
  ],
);

/** Models that the engine made. */
export const models = pgTable(
  'models',
  {
    id: text().primaryKey(),
    owner: text().notNull(),
    /** The model that it was trained from. */
    base: text().notNull(),
    /** The job that made it. */
    jobId: text().notNull(),
    /** The object prefix of its weights. */
    artifact: text().notNull(),
    createdAt: time().notNull(),
  },
  (table) => [index().on(table.owner, table.id)],
);

/** API keys, by digest: a key itself is shown once and stored nowhere. */
export const keys = pgTable('keys', {
  digest: text().primaryKey(),
  owner: text().notNull(),
  role: text().$type<'viewer' | 'tenant' | 'operator' | 'admin'>().notNull(),
  createdAt: time().notNull(),
  revokedAt: time(),
});

export type FileRow = typeof files.$inferSelect;
export type BatchRow = typeof batches.$inferSelect;
export type ChunkRow = typeof chunks.$inferSelect;
export type GroupRow = typeof groups.$inferSelect;
export type GroupJobRow = typeof jobs.$inferSelect;
export type EventRow = typeof events.$inferSelect;
