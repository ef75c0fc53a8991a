import type { AttemptError, JobRecord } from '@llm-engine/contracts';
import type { QueueConnection } from './connection.ts';

const HOUR_MS = 3_600_000;

/** How long ends are kept. */
export interface Retention {
  /** Results of succeeded and cancelled jobs, in milliseconds. Default one day. */
  readonly resultMs: number;
  /** Dead letters, in milliseconds. Default 30 days. */
  readonly deadLetterMs: number;
  /** Chunks after the end of a job, in milliseconds. Default 10 minutes. */
  readonly streamMs: number;
  /** Succeeded jobs that stay listed. Default 10,000. */
  readonly completedCount: number;
  /** Dead letters kept. Default 100,000. */
  readonly deadLetterCount: number;
}

export const DEFAULT_RETENTION: Retention = {
  resultMs: 24 * HOUR_MS,
  deadLetterMs: 30 * 24 * HOUR_MS,
  streamMs: HOUR_MS / 6,
  completedCount: 10_000,
  deadLetterCount: 100_000,
};

const CANCELLED_LISTED = 10_000;

interface FinishOptions {
  readonly retention?: Retention;
  /** The inbox of the process that waits for this job. */
  readonly replyTo?: string | undefined;
  /** BullMQ's lock of the job. Broken where the end cannot be recorded, since without it nobody can end the job in its queue. */
  readonly lock?: string;
}

/**
 * Records the end of a job and wakes whoever waits for it. The first record wins and never changes.
 * Resolves with false, having changed nothing, when the job had already ended.
 */
export async function finish(
  { redis, keys }: Pick<QueueConnection, 'redis' | 'keys'>,
  record: JobRecord,
  { retention = DEFAULT_RETENTION, replyTo, lock = '' }: FinishOptions = {},
): Promise<boolean> {
  const { id, state, finishedAt } = record;
  const recorded = await redis.finishJob(
    keys.record(id),
    keys.stream(id),
    keys.cancelled,
    JSON.stringify(record),
    state === 'failed' ? retention.deadLetterMs : retention.resultMs,
    retention.streamMs,
    keys.wake(id),
    replyTo === undefined ? '' : keys.reply(replyTo),
    id,
    state === 'cancelled' ? finishedAt : 0,
    CANCELLED_LISTED,
    lock,
  );
  return recorded === 1;
}

export async function readRecord({ redis, keys }: QueueConnection, jobId: string): Promise<JobRecord | undefined> {
  return parseRecord(await redis.get(keys.record(jobId)));
}

export async function readRecords(
  { redis, keys }: QueueConnection,
  jobIds: readonly string[],
): Promise<(JobRecord | undefined)[]> {
  if (jobIds.length === 0) return [];
  return (await redis.mget(...jobIds.map((id) => keys.record(id)))).map(parseRecord);
}

/** Records are written by this package alone, so what is read back is trusted. */
export function parseRecord(text: string | null): JobRecord | undefined {
  return text === null ? undefined : (JSON.parse(text) as JobRecord);
}

export async function appendAttemptError(
  { redis, keys }: QueueConnection,
  jobId: string,
  error: AttemptError,
  retention: Retention,
): Promise<void> {
  const key = keys.attemptErrors(jobId);
  await redis.multi().rpush(key, JSON.stringify(error)).pexpire(key, retention.deadLetterMs).exec();
}

export async function readAttemptErrors({ redis, keys }: QueueConnection, jobId: string): Promise<AttemptError[]> {
  const texts = await redis.lrange(keys.attemptErrors(jobId), 0, -1);
  return texts.map((text) => JSON.parse(text) as AttemptError);
}
