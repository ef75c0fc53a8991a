import { EngineError } from '@llm-engine/contracts';
import type { Job, JobKind, JobState } from '@llm-engine/contracts';
import type { QueueConnection } from './connection.ts';
import { isJobId } from './ids.ts';
import { describe, readDueTime, stateOf } from './job-reader.ts';
import type { EngineBullJob } from './job-reader.ts';
import { readRecords } from './records.ts';

export interface JobFilter {
  readonly state?: JobState;
  readonly kind?: JobKind;
  readonly queue?: string;
  readonly model?: string;
  /** Id of the last job of the page before. */
  readonly after?: string;
  /** Jobs a page, 1 to 100. Default 20. */
  readonly limit?: number;
}

export interface JobPage {
  readonly jobs: readonly Job[];
  readonly hasMore: boolean;
}

/** Where each state's ids are kept: BullMQ's sets, and ours for cancelled jobs. */
const SETS: Readonly<Record<JobState, readonly string[]>> = {
  queued: ['wait', 'prioritized'],
  scheduled: ['delayed'],
  running: ['active'],
  succeeded: ['completed'],
  failed: ['failed'],
  cancelled: [],
};
const LISTS = new Set(['wait', 'active']);
/** Ids looked at in each set: a page of the newest jobs is exact while a set is not larger. */
const SCANNED = 10_000;
const DEFAULT_LIMIT = 20;
const MAX_LIMIT = 100;

/**
 * A page of the jobs that are still known, newest first. Ids sort by time, so the last id of a page is the cursor of the next,
 * and stays right while jobs come, go and change their state.
 */
export async function listJobs(connection: QueueConnection, filter: JobFilter): Promise<JobPage> {
  const limit = filter.limit ?? DEFAULT_LIMIT;
  if (!Number.isInteger(limit) || limit < 1 || limit > MAX_LIMIT) {
    throw new EngineError('invalid_request', `'limit' is a whole number from 1 to ${MAX_LIMIT}.`, { param: 'limit' });
  }
  if (filter.after !== undefined && !isJobId(filter.after)) {
    throw new EngineError('invalid_request', `'after' is the id of the last job of the page before.`, {
      param: 'after',
    });
  }
  const { after } = filter;
  const candidates = (await candidateIds(connection, filter)).filter(({ id }) => after === undefined || id < after);

  const jobs: Job[] = [];
  for (let start = 0; start < candidates.length && jobs.length <= limit; start += MAX_LIMIT) {
    const slice = candidates.slice(start, start + MAX_LIMIT);
    jobs.push(...(await readCandidates(connection, slice)).filter((job) => matches(job, filter)));
  }
  return { jobs: jobs.slice(0, limit), hasMore: jobs.length > limit };
}

interface Candidate {
  readonly id: string;
  /** Undefined for a job that was cancelled and is in no queue any more. */
  readonly queue: string | undefined;
}

async function candidateIds(connection: QueueConnection, { state, queue, kind }: JobFilter): Promise<Candidate[]> {
  const names = (await connection.queueNames()).filter(
    (name) =>
      (queue === undefined || name === queue) && (kind === undefined || (kind === 'fine-tune') === (name === kind)),
  );
  const sets = state === undefined ? Object.values(SETS).flat() : state === 'cancelled' ? [] : SETS[state];
  const { redis, keys } = connection;
  const places = names.flatMap((name) => sets.map((set) => ({ name, set, key: `${keys.base}:${name}:${set}` })));
  const pipeline = redis.pipeline();
  for (const { set, key } of places) {
    if (LISTS.has(set)) pipeline.lrange(key, 0, SCANNED - 1);
    else pipeline.zrevrange(key, 0, SCANNED - 1);
  }
  if (state === undefined || state === 'cancelled') pipeline.zrevrange(keys.cancelled, 0, SCANNED - 1);
  const replies = (await pipeline.exec()) ?? [];

  const found = new Map<string, Candidate>();
  for (const [index, [error, ids]] of replies.entries()) {
    if (error !== null) throw error;
    for (const id of ids as string[]) {
      if (!found.has(id) && isJobId(id)) found.set(id, { id, queue: places[index]?.name });
    }
  }
  return [...found.values()].toSorted((a, b) => (a.id < b.id ? 1 : -1));
}

async function readCandidates(connection: QueueConnection, candidates: readonly Candidate[]): Promise<Job[]> {
  const records = await readRecords(
    connection,
    candidates.map(({ id }) => id),
  );
  const jobs = await Promise.all(
    candidates.map(async ({ id, queue }, index): Promise<Job | undefined> => {
      const record = records[index];
      if (record !== undefined) {
        const { result: _result, ...job } = record;
        return job;
      }
      const live: EngineBullJob | undefined =
        queue === undefined ? undefined : await connection.queue(queue).getJob(id);
      if (live === undefined) return undefined;
      const [state, dueAt] = await Promise.all([live.getState(), readDueTime(connection, live)]);
      return describe(live, stateOf(state), dueAt);
    }),
  );
  return jobs.filter((job) => job !== undefined);
}

function matches(job: Job, { state, kind, queue, model }: JobFilter): boolean {
  return (
    (state === undefined || job.state === state) &&
    (kind === undefined || job.kind === kind) &&
    (queue === undefined || job.queue === queue) &&
    (model === undefined || job.model === model)
  );
}
