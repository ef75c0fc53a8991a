import { isRetryable } from '@llm-engine/contracts';
import type { Completed, Failure, JobRecord, OnJobEvent, Outcome } from '@llm-engine/contracts';
import { DelayedError, UnrecoverableError } from 'bullmq';
import type { Redis } from 'ioredis';
import { backoffDelay } from './backoff.ts';
import type { Backoff } from './backoff.ts';
import { coalesceWrites } from './coalesce.ts';
import type { QueueConnection } from './connection.ts';
import { describe } from './job-reader.ts';
import type { EngineBullJob, JobSummary } from './job-reader.ts';
import type { Lease } from './lease.ts';
import { appendAttemptError, finish, readAttemptErrors, readRecord } from './records.ts';
import type { Retention } from './records.ts';

interface SettlerOptions {
  /** The connection on which BullMQ ends this worker's jobs. */
  readonly redis: Redis;
  readonly backoff: Backoff;
  readonly retention: Retention;
  readonly onEvent: OnJobEvent;
}

/** A run that has come to its outcome. */
interface Run {
  readonly job: EngineBullJob;
  readonly token: string | undefined;
  readonly lease: Lease;
  readonly outcome: Outcome;
  /** Unix milliseconds. */
  readonly startedAt: number;
}

/** How BullMQ is told to try again: its back-off strategy reads the delay. */
export class RetryLater extends Error {
  override readonly name = 'RetryLater';
  readonly delayMs: number;

  constructor(message: string, delayMs: number) {
    super(message);
    this.delayMs = delayMs;
  }

  /** A defect that got as far as BullMQ is tried again after a second. */
  static delayOf(error: Error | undefined): number {
    return error instanceof RetryLater ? error.delayMs : 1_000;
  }
}

/**
 * Turns the outcome of a run into what BullMQ understands, and is the only writer of ends in a worker.
 * The record is written before BullMQ is told, so a job that counts as finished always has one; and the first record wins,
 * so two runs of one job end it once.
 */
export class Settler {
  readonly #connection: QueueConnection;
  readonly #options: SettlerOptions;
  readonly #confirming = new Set<Promise<void>>();

  constructor(connection: QueueConnection, options: SettlerOptions) {
    this.#connection = connection;
    this.#options = options;
  }

  /** Resolves with BullMQ's return value; throws what BullMQ takes for "failed", "again later" or "not my job". */
  async settle(run: Run): Promise<JobSummary> {
    const { outcome } = run;
    switch (outcome.kind) {
      case 'completed':
        return this.#complete(run, outcome);
      case 'ended-before':
        return this.#endedBefore(run);
      case 'cancelled':
        return this.#cancel(run);
      case 'failed':
        return this.#fail(run, outcome.failure);
      case 'handed-over':
        return this.#handOver(run, outcome.reason, outcome.delayMs);
      case 'lease-lost':
        return this.#abandon(run);
    }
  }

  async #complete(run: Run, { result, usage, finishReason, firstChunkMs }: Completed): Promise<JobSummary> {
    const record = recordOf(run, 'succeeded', {
      result,
      ...(usage && { usage }),
      ...(finishReason !== undefined && { finishReason }),
      ...(firstChunkMs !== undefined && { firstChunkMs }),
    });
    // The record goes over BullMQ's own connection just ahead of the command that ends the job there, so Redis has it first.
    // Its confirmation is not waited for: that would cost every job a second round trip. Where Redis is full the record breaks
    // the job's lock, so that the end fails with it and the job runs again.
    coalesceWrites(this.#options.redis);
    const lock = `${this.#connection.keys.bullJob(run.job.queueName, run.lease.id)}:lock`;
    const confirming = this.#confirm(run, record, this.#finish(run, record, lock));
    this.#confirming.add(confirming);
    void confirming.finally(() => this.#confirming.delete(confirming));
    return { state: 'succeeded' };
  }

  /** Resolves when every end that was written has been told of. */
  async idle(): Promise<void> {
    await Promise.all(this.#confirming);
  }

  /** Tells of the end once its record is confirmed. Where somebody else has recorded an end before, that one stands. */
  async #confirm(run: Run, record: JobRecord, recording: Promise<boolean>): Promise<void> {
    const { onEvent } = this.#options;
    try {
      if (!(await recording)) return await this.#tellIfCancelled(run);
      const { timings = { waitMs: 0, runMs: 0 }, usage } = record;
      const e2eMs = record.finishedAt - record.createdAt;
      onEvent({
        type: 'completed',
        ...run.lease.ref,
        attempt: run.lease.attempt,
        timings,
        e2eMs,
        ...(usage && { usage }),
      });
    } catch (error) {
      onEvent({ type: 'trouble', source: 'record', error: error instanceof Error ? error : new Error(String(error)) });
    }
  }

  async #cancel(run: Run): Promise<JobSummary> {
    const record = recordOf(run, 'cancelled');
    // Whoever cancelled has recorded it already; only where that record expired is this one the first.
    await this.#finish(run, record);
    this.#cancelled(run);
    return { state: 'cancelled' };
  }

  async #fail(run: Run, error: Failure): Promise<JobSummary> {
    const { job, lease } = run;
    const { retention, backoff, onEvent } = this.#options;
    const attemptError = { attempt: lease.attempt, at: Date.now(), error };
    await appendAttemptError(this.#connection, lease.id, attemptError, retention);
    const attemptsLeft = (job.opts.attempts ?? 1) - lease.attempt;
    if (isRetryable(error) && attemptsLeft > 0) {
      const delayMs = backoffDelay(lease.attempt, error.retryAfterMs, backoff);
      const runMs = Date.now() - run.startedAt;
      onEvent({ type: 'retrying', ...lease.ref, attempt: lease.attempt, error, delayMs, runMs });
      throw new RetryLater(error.message, delayMs);
    }
    const attemptErrors = await readAttemptErrors(this.#connection, lease.id);
    const record = recordOf(run, 'failed', { error, attemptErrors });
    if (!(await this.#finish(run, record))) return this.#endedBefore(run);
    onEvent({ type: 'failed', ...lease.ref, attempt: lease.attempt, error, ...durations(run, record) });
    throw new UnrecoverableError(error.message);
  }

  async #handOver({ job, token, lease, startedAt }: Run, reason: string, delayMs: number): Promise<never> {
    await job.moveToDelayed(Date.now() + delayMs, token);
    this.#options.onEvent({ type: 'handed-over', ...lease.ref, reason, runMs: Date.now() - startedAt });
    throw new DelayedError();
  }

  /** BullMQ reads this error as "somebody has already moved the job": it writes nothing, and takes the next one. */
  #abandon({ lease, startedAt }: Run): never {
    this.#options.onEvent({ type: 'lease-lost', ...lease.ref, runMs: Date.now() - startedAt });
    throw new DelayedError();
  }

  #finish({ job }: Run, record: JobRecord, lock = ''): Promise<boolean> {
    const { redis, retention } = this.#options;
    return finish({ redis, keys: this.#connection.keys }, record, { retention, replyTo: job.data.replyTo, lock });
  }

  /** The job had been ended by somebody else while this run went on: that end stands. */
  async #endedBefore(run: Run): Promise<JobSummary> {
    const ended = await readRecord(this.#connection, run.lease.id);
    const state = ended?.state ?? 'cancelled';
    if (state === 'failed') throw new UnrecoverableError(ended?.error?.message ?? 'failed');
    if (state === 'cancelled') this.#cancelled(run);
    return { state };
  }

  async #tellIfCancelled(run: Run): Promise<void> {
    const ended = await readRecord(this.#connection, run.lease.id);
    if (ended?.state === 'cancelled') this.#cancelled(run);
  }

  #cancelled(run: Run): void {
    this.#options.onEvent({ type: 'cancelled', ...run.lease.ref, ...durations(run, recordOf(run, 'cancelled')) });
  }
}

type RecordDetails = Pick<JobRecord, 'result' | 'usage' | 'finishReason' | 'error' | 'attemptErrors'> & {
  readonly firstChunkMs?: number;
};

function recordOf(run: Run, state: JobRecord['state'], { firstChunkMs, ...details }: RecordDetails = {}): JobRecord {
  const { job, lease, startedAt } = run;
  const finishedAt = Date.now();
  return {
    ...describe(job, state),
    state,
    finishedAt,
    attempts: lease.attempt,
    timings: {
      waitMs: Math.max(0, startedAt - job.timestamp - (job.opts.delay ?? 0)),
      runMs: finishedAt - startedAt,
      ...(firstChunkMs !== undefined && { firstChunkMs }),
    },
    ...details,
  };
}

function durations({ startedAt }: Run, { createdAt, finishedAt }: JobRecord): { runMs: number; e2eMs: number } {
  return { runMs: finishedAt - startedAt, e2eMs: finishedAt - createdAt };
}
