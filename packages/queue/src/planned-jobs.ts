import { EngineError } from '@llm-engine/contracts';
import type {
  Job,
  JobRecord,
  JobState,
  JobSubmission,
  OnJobEvent,
  Priority,
  TerminalState,
} from '@llm-engine/contracts';
import { endAsCancelled } from './cancellation.ts';
import { ModelCatalogue } from './catalogue.ts';
import type { QueueConnection } from './connection.ts';
import { newJobId } from './ids.ts';
import { describe, readJob } from './job-reader.ts';
import type { EngineBullJob } from './job-reader.ts';
import { DEFAULT_ATTEMPTS, enqueued, parseSubmission, prepare, queueOf, requireAccepted } from './prepare.ts';
import { readAttemptErrors, readRecord, readRecords } from './records.ts';
import { isOutage } from './redis-errors.ts';

/** A job that is written down elsewhere before it is queued, so that it can be queued again when Redis has lost it. */
export interface PlannedJob {
  readonly id: string;
  /** Where it is queued. */
  readonly queue: string;
  readonly owner: string;
  readonly submission: JobSubmission;
  readonly createdAt: Date;
}

/** Where a job that has not ended is; undefined for one that Redis does not know. */
export type Standing = Exclude<JobState, TerminalState> | undefined;

interface PlannedJobsOptions {
  readonly onEvent?: OnJobEvent;
}

type Placed = Pick<PlannedJob, 'id' | 'queue'>;

const AT_ONCE = 1_000;

/**
 * Jobs whose truth lies in the database.
 * 1. Plans them: each is checked, gets its queue and an id.
 * 2. Adds them under these ids, as often as wanted: one that is there stays as it is, one that has ended is not run again.
 * 3. Says how many of them stand, in few round trips.
 * Throws `queue_unavailable` while Redis is out of reach.
 */
export class PlannedJobs {
  readonly #connection: QueueConnection;
  readonly #models: ModelCatalogue;
  readonly #onEvent: OnJobEvent;

  constructor(connection: QueueConnection, { onEvent = () => undefined }: PlannedJobsOptions = {}) {
    this.#connection = connection;
    this.#models = new ModelCatalogue(connection);
    this.#onEvent = onEvent;
  }

  /**
   * Checks submissions, all of them before any is accepted; `priority` is for those that have none. Throws what is wrong with
   * the first bad one, and which it is.
   */
  async plan(
    submissions: readonly unknown[],
    { owner, priority, createdAt }: { readonly owner: string; readonly priority?: Priority; readonly createdAt: Date },
  ): Promise<PlannedJob[]> {
    const jobs = submissions.map((submission, index) => withPriority(requireKeyless(submission, index), priority));
    return this.#asking(async () => {
      const planned: PlannedJob[] = [];
      for (const [index, submission] of jobs.entries()) {
        const queue = await queueOf(submission, this.#models).catch((error: unknown) => blame(error, index));
        planned.push({ id: newJobId(createdAt.getTime()), queue, owner, submission, createdAt });
      }
      return planned;
    });
  }

  /** Resolves when each of them is in its queue, or has ended. */
  async add(jobs: readonly PlannedJob[]): Promise<void> {
    await this.#asking(async () => {
      for (let start = 0; start < jobs.length; start += AT_ONCE) {
        const some = jobs.slice(start, start + AT_ONCE);
        const ended = await this.#ended(some);
        await this.#addBulk(some.filter((_job, index) => !ended[index]));
      }
    });
  }

  /** How jobs ended; undefined for those that have not. */
  records(ids: readonly string[]): Promise<(JobRecord | undefined)[]> {
    return this.#asking(() => readRecords(this.#connection, ids));
  }

  /** Where jobs are that have not ended. */
  async standings(jobs: readonly Placed[]): Promise<Standing[]> {
    const found = new Map<string, Standing>();
    for (const [queue, members] of Map.groupBy(jobs, (job) => job.queue)) {
      const ids = members.map(({ id }) => id);
      for (let start = 0; start < ids.length; start += AT_ONCE) {
        const some = ids.slice(start, start + AT_ONCE);
        const standings = await this.#asking(() => this.#lookInto(queue, some));
        for (const [index, id] of some.entries()) found.set(id, standings[index]);
      }
    }
    return jobs.map(({ id }) => found.get(id));
  }

  /** A job as it stands; as it was planned, where Redis does not know it. */
  async read(job: PlannedJob): Promise<Job | JobRecord> {
    try {
      return await this.#asking(() => readJob(this.#connection, job.id));
    } catch (error) {
      if (error instanceof EngineError && error.code === 'job_not_found') return describePlanned(job);
      throw error;
    }
  }

  /** Ends a job as cancelled, wherever it is, unless it has ended. Resolves with the end that stands. */
  cancel(job: PlannedJob): Promise<JobRecord> {
    const connection = this.#connection;
    return this.#asking(async () => {
      const live: EngineBullJob | undefined = await connection.queue(job.queue).getJob(job.id);
      // One that is not queued ends all the same: whoever is about to queue it finds that it has.
      const standing = live === undefined ? describePlanned(job) : await describeTried(connection, live);
      const cancelled = await endAsCancelled(connection, standing, { onEvent: this.#onEvent });
      const record = cancelled ?? (await readRecord(connection, job.id));
      if (record === undefined) throw new Error(`The end of the job '${job.id}' is not kept any more.`);
      return record;
    });
  }

  async #addBulk(jobs: readonly PlannedJob[]): Promise<void> {
    // A delay counts from the time when the job was planned, however late it is added.
    const prepared = jobs.map((job) => ({ ...prepare(job.submission, job), timestamp: job.createdAt.getTime() }));
    const byQueue = Map.groupBy(prepared, ({ queue }) => queue);
    await this.#connection.registerQueues([...byQueue.keys()]);
    for (const [queue, members] of byQueue) {
      const added = await this.#connection.queue(queue).addBulk(
        members.map(({ payload, options, timestamp }) => ({
          name: payload.kind,
          data: payload,
          opts: { ...options, timestamp },
        })),
      );
      for (const [index, job] of members.entries()) {
        requireAccepted(added[index]?.id, job.id);
        this.#onEvent(enqueued(job, job.id));
      }
    }
  }

  /** An ended job may have left its queue: adding its id again would run it again. */
  async #ended(jobs: readonly PlannedJob[]): Promise<boolean[]> {
    const { redis, keys } = this.#connection;
    const pipeline = redis.pipeline();
    for (const { id } of jobs) pipeline.exists(keys.record(id));
    return ((await pipeline.exec()) ?? []).map(([error, exists]) => {
      if (error !== null) throw error;
      return exists === 1;
    });
  }

  async #lookInto(queue: string, ids: readonly string[]): Promise<Standing[]> {
    const { redis, keys } = this.#connection;
    const pipeline = redis
      .pipeline()
      .lrange(`${keys.base}:${queue}:active`, 0, -1)
      .zmscore(`${keys.base}:${queue}:delayed`, ...ids);
    for (const id of ids) pipeline.exists(keys.bullJob(queue, id));
    const [active, scores, ...exists] = ((await pipeline.exec()) ?? []).map(([error, reply]) => {
      if (error !== null) throw error;
      return reply;
    });
    const running = new Set(active as string[]);
    return ids.map((id, index) => {
      if (exists[index] !== 1) return undefined;
      if (running.has(id)) return 'running';
      return (scores as (string | null)[])[index] === null ? 'queued' : 'scheduled';
    });
  }

  async #asking<Value>(ask: () => Promise<Value>): Promise<Value> {
    try {
      return await ask();
    } catch (error) {
      throw isOutage(error) ? this.#connection.unavailable(error) : error;
    }
  }
}

/** A job's key says which job it is, and here that is already said. */
function requireKeyless(submission: unknown, index: number): JobSubmission {
  const job = parseSubmission(submission, index);
  if (job.idempotencyKey === undefined) return job;
  throw new EngineError(
    'invalid_request',
    `Job ${index}: 'idempotencyKey': jobs of a group have none of their own; send one for the group.`,
    { param: 'idempotencyKey' },
  );
}

function withPriority(job: JobSubmission, priority: Priority | undefined): JobSubmission {
  return priority === undefined || job.priority !== undefined ? job : { ...job, priority };
}

function blame(error: unknown, index: number): never {
  if (!(error instanceof EngineError)) throw error;
  throw new EngineError(error.code, `Job ${index}: ${error.message}`, { param: error.param, cause: error });
}

/** A job that is queued, with the errors of its attempts. */
async function describeTried(connection: QueueConnection, live: EngineBullJob): Promise<Job> {
  const job = describe(live, 'queued');
  if (job.attempts === 0) return job;
  return { ...job, attemptErrors: await readAttemptErrors(connection, job.id) };
}

/** A job that waits to be queued, as it will be. */
function describePlanned({ id, queue, owner, submission, createdAt }: PlannedJob): Job {
  return {
    id,
    kind: submission.kind,
    state: 'queued',
    queue,
    model: submission.kind === 'inference' ? submission.body.model : submission.model,
    ...(submission.kind === 'inference' && { endpoint: submission.endpoint }),
    priority: submission.priority ?? 'standard',
    owner,
    metadata: submission.metadata ?? {},
    createdAt: createdAt.getTime(),
    attempts: 0,
    maxAttempts: submission.maxAttempts ?? DEFAULT_ATTEMPTS,
  };
}
