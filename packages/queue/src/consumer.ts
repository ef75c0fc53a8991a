import { failure, stopReason } from '@llm-engine/contracts';
import type { JobPayload, OnJobEvent, Outcome, StopReason } from '@llm-engine/contracts';
import { DelayedError, Worker } from 'bullmq';
import { Redis } from 'ioredis';
import { DEFAULT_BACKOFF } from './backoff.ts';
import type { Backoff } from './backoff.ts';
import { CancelListener } from './cancel-listener.ts';
import { redisOptions } from './connection.ts';
import type { QueueConnection } from './connection.ts';
import type { EngineBullJob, JobSummary } from './job-reader.ts';
import { Lease } from './lease.ts';
import { DEFAULT_RETENTION } from './records.ts';
import type { Retention } from './records.ts';
import { RetryLater, Settler } from './settle.ts';

export type RunJob = (lease: Lease) => Promise<Outcome>;

export interface ConsumerOptions {
  readonly redisUrl: string;
  readonly queue: string;
  /** How many jobs run at once. */
  readonly concurrency: number;
  readonly runJob: RunJob;
  readonly onEvent?: OnJobEvent;
  /** Life of a job's lock, in milliseconds; renewed at half of it. A worker that dies is noticed after it. Default 30 s. */
  readonly lockMs?: number;
  /** How often abandoned jobs are looked for, in milliseconds. Default: the life of the lock. */
  readonly stalledCheckMs?: number;
  readonly backoff?: Backoff;
  readonly retention?: Retention;
}

const DEFAULT_LOCK_MS = 30_000;
const RENEWALS_PER_LOCK = 2;
/** BullMQ fails a job by itself after so many lost workers, and would leave no record: the worker's own limit comes first. */
const NEVER = 1_000_000;
/** A closing worker may have one more job on its way; only after this long does it certainly take no more. */
const CLOSE_HEAD_START_MS = 50;
/** How long a run that was told to stop may take, before its worker goes without it. */
const STOP_PATIENCE_MS = 5_000;
const REPICK_DELAY_MS = 1_000;

/**
 * Takes jobs from one queue and sees each run to its end.
 * 1. Gives every run a lease, and stops it when the job is cancelled, its lock is lost, or the worker closes.
 * 2. Hands the outcome of the run to the Settler, which alone writes ends.
 * 3. Closes without losing a job or using up an attempt: what does not end in time is handed over.
 */
export class Consumer {
  readonly queue: string;
  readonly slots: number;
  /** Unix milliseconds of the last sign of progress: a job taken, ended, or its lock renewed. */
  lastProgressAt = Date.now();
  readonly #connection: QueueConnection;
  readonly #options: ConsumerOptions;
  readonly #onEvent: OnJobEvent;
  readonly #redis: Redis;
  readonly #worker: Worker<JobPayload, JobSummary>;
  readonly #settler: Settler;
  readonly #cancels: CancelListener;
  readonly #leases = new Map<string, Lease>();
  #closing = false;

  constructor(connection: QueueConnection, options: ConsumerOptions) {
    this.queue = options.queue;
    this.slots = options.concurrency;
    this.#connection = connection;
    this.#options = options;
    this.#onEvent = options.onEvent ?? (() => undefined);
    const lockMs = options.lockMs ?? DEFAULT_LOCK_MS;
    const retention = options.retention ?? DEFAULT_RETENTION;
    this.#cancels = new CancelListener(connection, {
      running: () => [...this.#leases.keys()],
      stop: (id) => this.#stop(id, 'cancelled'),
      onTrouble: (error) => this.#trouble(error),
    });
    this.#redis = new Redis(options.redisUrl, redisOptions('patient'));
    this.#redis.on('error', (error) => this.#trouble(error));
    this.#settler = new Settler(connection, {
      redis: this.#redis,
      backoff: options.backoff ?? DEFAULT_BACKOFF,
      retention,
      onEvent: this.#onEvent,
    });
    this.#worker = new Worker<JobPayload, JobSummary>(
      options.queue,
      // Three plain parameters: BullMQ passes the signal only to a function that declares them.
      (job, token, signal) => this.#process(job, token, signal),
      {
        connection: this.#redis,
        prefix: connection.keys.base,
        autorun: false,
        concurrency: options.concurrency,
        lockDuration: lockMs,
        lockRenewTime: lockMs / RENEWALS_PER_LOCK,
        stalledInterval: options.stalledCheckMs ?? lockMs,
        maxStalledCount: NEVER,
        // By count alone: an age would be looked up at the end of every job, and the records expire by themselves.
        removeOnComplete: { count: retention.completedCount },
        removeOnFail: { age: retention.deadLetterMs / 1_000, count: retention.deadLetterCount },
        settings: { backoffStrategy: (_attempts, _type, error) => RetryLater.delayOf(error) },
      },
    );
    this.#worker.on('error', (error) => this.#trouble(error));
    this.#worker.on('stalled', (jobId) => this.#onEvent({ type: 'stalled', jobId, queue: this.queue }));
    this.#worker.on('locksRenewed', () => this.#progressed());
    // Without this, a job that lost its lock and is taken again by this same worker would stall for ever.
    this.#worker.on('lockRenewalFailed', (ids) => ids.forEach((id) => this.#stop(id, 'lock-lost')));
  }

  /** Ids of the jobs that hold a slot now. */
  get jobs(): readonly string[] {
    return [...this.#leases.keys()];
  }

  /** Begins to take jobs; resolves when it does. */
  async start(): Promise<void> {
    await this.#connection.registerQueues([this.queue]);
    await this.#cancels.start();
    await this.#worker.waitUntilReady();
    this.#worker.run().catch((error: unknown) => this.#trouble(asError(error)));
  }

  /** Takes no more jobs, waits up to `graceMs` for those that run, hands the rest over, and disconnects. */
  async close({ graceMs = 0 }: { readonly graceMs?: number } = {}): Promise<void> {
    this.#closing = true;
    const closed = this.#worker.close();
    await within(closed, Math.max(graceMs, CLOSE_HEAD_START_MS));
    this.#worker.cancelAllJobs('shutdown' satisfies StopReason);
    // A run that does not even stop when told to is left to the other workers, who notice that its lock ends.
    if (!(await within(closed, STOP_PATIENCE_MS)))
      this.#trouble(new Error(`Runs that did not stop: ${this.jobs.join(', ')}`));
    await within(this.#settler.idle(), STOP_PATIENCE_MS);
    await this.#cancels[Symbol.asyncDispose]();
    this.#redis.disconnect();
  }

  async #process(job: EngineBullJob, token: string | undefined, signal: AbortSignal | undefined): Promise<JobSummary> {
    const id = job.id ?? '';
    if (this.#closing || this.#leases.has(id)) return handBack(job, token);
    const lease = new Lease({
      connection: this.#connection,
      job,
      id,
      signal: signal ?? new AbortController().signal,
      stop: (reason) => this.#stop(id, reason),
    });
    this.#leases.set(id, lease);
    this.#progressed();
    const startedAt = Date.now();
    try {
      if (this.#cancels.wasCancelled(id)) this.#stop(id, 'cancelled');
      this.#onEvent({ type: 'started', ...lease.ref, attempt: lease.attempt, run: lease.run, waitMs: waitOf(job) });
      const outcome = await this.#run(lease);
      return await this.#settler.settle({ job, token, lease, outcome, startedAt });
    } finally {
      this.#leases.delete(id);
      this.#progressed();
    }
  }

  async #run(lease: Lease): Promise<Outcome> {
    try {
      const outcome = await this.#options.runJob(lease);
      // Before the end, and before another run: by then a reader takes the stream for whole.
      if (outcome.kind !== 'lease-lost') await lease.flush();
      // Whatever the run made of it: once the lock is gone, the job is somebody else's.
      return stopReason(lease.signal) === 'lock-lost' ? { kind: 'lease-lost' } : outcome;
    } catch (error) {
      this.#trouble(asError(error));
      return { kind: 'failed', failure: failure('internal', `The worker failed: ${asError(error).message}`) };
    }
  }

  #stop(id: string, reason: StopReason): void {
    this.#worker.cancelJob(id, reason);
  }

  #progressed(): void {
    this.lastProgressAt = Date.now();
  }

  #trouble(error: Error): void {
    this.#onEvent({ type: 'trouble', source: `consumer ${this.queue}`, error });
  }
}

/** Puts the job back untouched, no attempt used: this worker is closing, or still busy with the job's last run. */
async function handBack(job: EngineBullJob, token: string | undefined): Promise<never> {
  await job.moveToDelayed(Date.now() + REPICK_DELAY_MS, token);
  throw new DelayedError();
}

/** From the submission, less the delay that was asked for. */
function waitOf(job: EngineBullJob): number {
  return Math.max(0, (job.processedOn ?? Date.now()) - job.timestamp - (job.opts.delay ?? 0));
}

/** Whether the promise settled in time. */
async function within(promise: Promise<unknown>, ms: number): Promise<boolean> {
  const { promise: timeout, resolve } = Promise.withResolvers<boolean>();
  const timer = setTimeout(() => resolve(false), ms);
  try {
    return await Promise.race([promise.then(() => true), timeout]);
  } finally {
    clearTimeout(timer);
  }
}

function asError(error: unknown): Error {
  return error instanceof Error ? error : new Error(String(error));
}
