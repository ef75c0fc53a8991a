import { failure, stopReason } from '@llm-engine/contracts';
import type { JobPayload, OnJobEvent, Outcome, StopReason } from '@llm-engine/contracts';
import { DelayedError, UnrecoverableError, Worker } from 'bullmq';
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
import { asError, within } from './within.ts';

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
    this.#worker = new Worker<JobPayload, JobSummary>(options.queue, (job, token) => this.#process(job, token), {
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
    });
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
    for (const lease of this.#leases.values()) lease.stop('shutdown');
    if (!(await within(closed, STOP_PATIENCE_MS))) {
      // A run that does not even stop when told to, or that waits for a Redis that is away, is left to the other workers, who
      // notice that its lock ends.
      this.#trouble(
        new Error(`Closed without waiting any longer; jobs that still ran: ${this.jobs.join(', ') || 'none'}`),
      );
      await within(this.#worker.disconnect(), STOP_PATIENCE_MS);
    }
    await within(this.#settler.idle(), STOP_PATIENCE_MS);
    this.#cancels[Symbol.dispose]();
    this.#redis.disconnect();
  }

  async #process(job: EngineBullJob, token: string | undefined): Promise<JobSummary> {
    const id = job.id ?? '';
    const held = this.#leases.get(id);
    // The job comes back while its last run still goes on here: that run has lost it, and must have ended first.
    held?.stop('lock-lost');
    if (this.#closing || held !== undefined) return handBack(job, token);
    const lease = new Lease({ connection: this.#connection, job, id });
    this.#leases.set(id, lease);
    this.#progressed();
    try {
      return await this.#runToItsEnd(job, token, lease);
    } catch (error) {
      if (isForBullMQ(error)) throw error;
      return await this.#giveUp(job, id, asError(error));
    } finally {
      this.#leases.delete(id);
      this.#progressed();
    }
  }

  async #runToItsEnd(job: EngineBullJob, token: string | undefined, lease: Lease): Promise<JobSummary> {
    const startedAt = Date.now();
    if (this.#cancels.wasCancelled(lease.id)) lease.stop('cancelled');
    this.#onEvent({ type: 'started', ...lease.ref, attempt: lease.attempt, run: lease.run, waitMs: waitOf(job) });
    const outcome = await this.#run(lease);
    // Before the end, and before another run: by then a reader takes the stream for whole.
    if (outcome.kind !== 'lease-lost') await lease.flush();
    return this.#settler.settle({ job, token, lease, outcome, startedAt });
  }

  async #run(lease: Lease): Promise<Outcome> {
    try {
      const outcome = await this.#options.runJob(lease);
      // Whatever the run made of it: once the lock is gone, the job is somebody else's.
      return stopReason(lease.signal) === 'lock-lost' ? { kind: 'lease-lost' } : outcome;
    } catch (error) {
      this.#trouble(asError(error));
      return { kind: 'failed', failure: failure('internal', `The worker failed: ${asError(error).message}`) };
    }
  }

  /**
   * Redis would not take what the run came to, being full perhaps. BullMQ would count the job as failed, and nobody would hear
   * of it: the lock is broken instead, so that the job counts as left, and runs again.
   */
  async #giveUp(job: EngineBullJob, id: string, error: Error): Promise<never> {
    this.#trouble(error);
    await this.#redis.del(`${this.#connection.keys.bullJob(job.queueName, id)}:lock`);
    throw new DelayedError();
  }

  #stop(id: string, reason: StopReason): void {
    this.#leases.get(id)?.stop(reason);
  }

  #progressed(): void {
    this.lastProgressAt = Date.now();
  }

  #trouble(error: Error): void {
    this.#onEvent({ type: 'trouble', source: `consumer ${this.queue}`, error });
  }
}

/** What a settled run throws to tell BullMQ how to go on; anything else is a failure to settle. */
function isForBullMQ(error: unknown): boolean {
  return error instanceof DelayedError || error instanceof UnrecoverableError || error instanceof RetryLater;
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
