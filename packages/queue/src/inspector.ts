import type { Job, OnJobEvent } from '@llm-engine/contracts';
import type { Queue } from 'bullmq';
import type { QueueConnection } from './connection.ts';
import { cancelJob } from './cancellation.ts';
import { retryDeadLetters, retryJob } from './dead-letters.ts';
import type { DeadLetterFilter } from './dead-letters.ts';
import type { JobHandle } from './handle.ts';
import { listWorkers } from './heartbeats.ts';
import type { WorkerSeen } from './heartbeats.ts';
import { listJobs } from './job-list.ts';
import type { JobFilter, JobPage } from './job-list.ts';
import type { EngineBullJob } from './job-reader.ts';
import { CLASS_BASE, PRIORITY_SCORE_FACTOR } from './priorities.ts';

/** A queue at one moment. */
export interface QueueSnapshot {
  readonly queue: string;
  readonly counts: Readonly<Record<'waiting' | 'prioritized' | 'active' | 'delayed' | 'failed' | 'completed', number>>;
  readonly paused: boolean;
  /** Age of the job that has been due for the longest time, in seconds; 0 when none waits. */
  readonly oldestWaitingSeconds: number;
}

/** Looks into an engine's queues, and acts on the jobs that are there. */
export class Inspector {
  readonly #connection: QueueConnection;

  readonly #onEvent: OnJobEvent;

  constructor(connection: QueueConnection, options: { readonly onEvent?: OnJobEvent } = {}) {
    this.#connection = connection;
    this.#onEvent = options.onEvent ?? (() => undefined);
  }

  queueNames(): Promise<readonly string[]> {
    return this.#connection.queueNames();
  }

  /** All queues, by name. */
  async queues(): Promise<QueueSnapshot[]> {
    const names = await this.queueNames();
    return Promise.all(names.map((name) => snapshot(this.#connection, name)));
  }

  /** Workers that were heard of within the last hour, dead ones included. */
  workers(now: number = Date.now()): Promise<WorkerSeen[]> {
    return listWorkers(this.#connection, now);
  }

  /** A page of jobs, newest first. */
  jobs(filter: JobFilter = {}): Promise<JobPage> {
    return listJobs(this.#connection, filter);
  }

  cancel(id: string): Promise<Job> {
    return cancelJob(this.#connection, id, this.#onEvent);
  }

  /** Tries a failed job again, as a new job: an end never changes. Throws `job_not_retryable`. */
  retry(id: string): Promise<JobHandle> {
    return retryJob(this.#connection, id, this.#onEvent);
  }

  /** Tries all dead letters again that match; resolves with how many. */
  retryAll(filter: DeadLetterFilter = {}): Promise<number> {
    return retryDeadLetters(this.#connection, filter, this.#onEvent);
  }

  /** What Redis says of itself (`INFO`), as its text. */
  redisInfo(): Promise<string> {
    this.#connection.requireReady();
    return this.#connection.redis.info();
  }

  /** Milliseconds that Redis takes to answer. */
  async redisLatencyMs(): Promise<number> {
    this.#connection.requireReady();
    const start = performance.now();
    await this.#connection.redis.ping();
    return performance.now() - start;
  }

  /** BullMQ's own queue objects, for Bull Board. */
  async bullQueues(): Promise<Queue[]> {
    return (await this.queueNames()).map((name) => this.#connection.queue(name));
  }
}

async function snapshot(connection: QueueConnection, name: string): Promise<QueueSnapshot> {
  const queue = connection.queue(name);
  const [counts, paused, oldestWaitingSeconds] = await Promise.all([
    queue.getJobCounts('waiting', 'prioritized', 'active', 'delayed', 'failed', 'completed'),
    queue.isPaused(),
    oldestWaiting(connection, name),
  ]);
  return {
    queue: name,
    counts: {
      waiting: counts['waiting'] ?? 0,
      prioritized: counts['prioritized'] ?? 0,
      active: counts['active'] ?? 0,
      delayed: counts['delayed'] ?? 0,
      failed: counts['failed'] ?? 0,
      completed: counts['completed'] ?? 0,
    },
    paused,
    oldestWaitingSeconds,
  };
}

/**
 * The first of the whole set is only the oldest of the most urgent class. Inside a class the order is that of submission,
 * so the oldest job is the first of some class, or of the plain list, where jobs land that lost their worker.
 */
async function oldestWaiting(connection: QueueConnection, queue: string): Promise<number> {
  const { redis, keys } = connection;
  const base = `${keys.base}:${queue}`;
  const heads = await Promise.all([
    redis.lindex(`${base}:wait`, -1),
    ...Object.values(CLASS_BASE).map(async (priority) => {
      const [head] = await redis.zrangebyscore(
        `${base}:prioritized`,
        priority * PRIORITY_SCORE_FACTOR,
        '+inf',
        'LIMIT',
        0,
        1,
      );
      return head ?? null;
    }),
  ]);
  const ids = [...new Set(heads.filter((head) => head !== null))];
  const jobs = await Promise.all(ids.map((id) => connection.queue(queue).getJob(id)));
  const dueTimes = jobs.filter((job) => job !== undefined).map(waitingSince);
  const oldest = Math.min(...dueTimes);
  return oldest === Infinity ? 0 : Math.max(0, (Date.now() - oldest) / 1_000);
}

/**
 * A job that was tried before waits since that attempt began: what it was delayed by before is over, and BullMQ has forgotten
 * it. One that was not waits since it was due first.
 */
function waitingSince({ processedOn, timestamp, opts }: EngineBullJob): number {
  return processedOn ?? timestamp + (opts.delay ?? 0);
}
