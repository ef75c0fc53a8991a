import { EngineError, modelOf } from '@llm-engine/contracts';
import type { Job, JobPayload, JobRecord, JobRef, JobState } from '@llm-engine/contracts';
import type { Job as BullJob } from 'bullmq';
import type { QueueConnection } from './connection.ts';
import { isJobId } from './ids.ts';
import { readAttemptErrors, readRecord } from './records.ts';

/** What BullMQ keeps as the return value of a finished job: its event stream stores it, so it is small. */
export interface JobSummary {
  readonly state: JobRecord['state'];
}

export type EngineBullJob = BullJob<JobPayload, JobSummary>;

/**
 * The job as it stands. Throws `job_not_found` for an id that is not known, or not any more.
 * The record is the truth about an end; before it exists, BullMQ's sets say where the job is.
 */
export async function readJob(connection: QueueConnection, id: string): Promise<Job | JobRecord> {
  if (!isJobId(id)) throw notFound(id);
  const record = await readRecord(connection, id);
  if (record !== undefined) return record;
  const live = await findLive(connection, id);
  if (live !== undefined) {
    const [state, dueAt, attemptErrors] = await Promise.all([
      live.getState(),
      readDueTime(connection, live),
      readAttemptErrors(connection, id),
    ]);
    const job = { ...describe(live, stateOf(state), dueAt), ...(attemptErrors.length > 0 && { attemptErrors }) };
    if (state !== 'completed' && state !== 'failed' && state !== 'unknown') return job;
  }
  // It ended between the two looks; or its record was kept for a shorter time than its entry in the queue.
  const ended = await readRecord(connection, id);
  if (ended !== undefined) return ended;
  if (live !== undefined) return describe(live, live.returnvalue?.state ?? 'failed');
  throw notFound(id);
}

function notFound(id: string): EngineError {
  return new EngineError(
    'job_not_found',
    `There is no job '${id.slice(0, 64)}'. It may have been removed after its retention; list jobs to see what is kept.`,
    { param: 'id' },
  );
}

/** The job's entry in its queue, wherever that is; undefined when none has it. */
export async function findLive(connection: QueueConnection, id: string): Promise<EngineBullJob | undefined> {
  const known = await connection.queueNames();
  // The first job of a new queue may be looked for before the queue is known here.
  return (await findIn(connection, known, id)) ?? findIn(connection, await connection.queueNames({ fresh: true }), id);
}

async function findIn(
  connection: QueueConnection,
  names: readonly string[],
  id: string,
): Promise<EngineBullJob | undefined> {
  const pipeline = connection.redis.pipeline();
  for (const name of names) pipeline.exists(connection.keys.bullJob(name, id));
  const replies = (await pipeline.exec()) ?? [];
  const name = names[replies.findIndex(([, exists]) => exists === 1)];
  return name === undefined ? undefined : connection.queue(name).getJob(id);
}

/** Maps BullMQ's states to ours. */
export function stateOf(state: Awaited<ReturnType<BullJob['getState']>>): JobState {
  switch (state) {
    case 'active':
      return 'running';
    case 'delayed':
      return 'scheduled';
    case 'completed':
      return 'succeeded';
    case 'failed':
      return 'failed';
    case 'waiting':
    case 'waiting-children':
    case 'prioritized':
    case 'unknown':
      return 'queued';
  }
}

/** BullMQ keeps a delayed job by the time when it is due, followed by a counter of 12 bits. */
const DUE_TIME_FACTOR = 2 ** 12;

/** When a job that waits for its time, or for its next attempt, is due; undefined for one that does not. */
export async function readDueTime(
  { redis, keys }: QueueConnection,
  { queueName, id }: EngineBullJob,
): Promise<number | undefined> {
  const score = await redis.zscore(`${keys.base}:${queueName}:delayed`, id ?? '');
  return score === null ? undefined : Math.floor(Number(score) / DUE_TIME_FACTOR);
}

/** What a queue entry says of its job. */
export function describe(live: EngineBullJob, state: JobState, dueAt?: number): Job {
  const { data } = live;
  return {
    id: live.id ?? '',
    kind: data.kind,
    state,
    queue: live.queueName,
    model: modelOf(data),
    ...(data.kind === 'inference' && { endpoint: data.endpoint }),
    priority: data.priority,
    owner: data.owner,
    metadata: data.metadata ?? {},
    createdAt: live.timestamp,
    ...(state === 'scheduled' && dueAt !== undefined && { scheduledFor: dueAt }),
    ...(live.processedOn !== undefined && { startedAt: live.processedOn }),
    ...(live.finishedOn !== undefined && { finishedAt: live.finishedOn }),
    attempts: live.attemptsMade,
    maxAttempts: live.opts.attempts ?? 1,
    ...(data.retryOf !== undefined && { retryOf: data.retryOf }),
  };
}

/** How events name a job. */
export function refOf({ id, kind, queue, model, endpoint }: Job): JobRef {
  return { jobId: id, kind, queue, model, ...(endpoint !== undefined && { endpoint }) };
}
