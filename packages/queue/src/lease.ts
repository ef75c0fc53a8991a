import { modelOf } from '@llm-engine/contracts';
import type { JobPayload, JobRecord, JobRef, StopReason } from '@llm-engine/contracts';
import type { QueueConnection } from './connection.ts';
import type { EngineBullJob } from './job-reader.ts';
import { readRecord } from './records.ts';
import { StreamWriter } from './stream-writer.ts';

const QUARANTINE_REMEMBERED_MS = 7 * 24 * 3_600_000;

interface LeaseOptions {
  readonly connection: QueueConnection;
  readonly job: EngineBullJob;
  readonly id: string;
}

/** One run's hold on a job: what the job is, when to stop, and where its chunks go. */
export class Lease {
  readonly id: string;
  readonly payload: JobPayload;
  /** Aborts when the job is cancelled, its lock is lost, or the worker stops; the reason says which. */
  readonly signal: AbortSignal;
  /** Which attempt this is, from 1. */
  readonly attempt: number;
  /** How often the job has been started, hand-overs and crashes included, from 1. */
  readonly run: number;
  /** How often the job's worker went away without a word while it ran. */
  readonly crashes: number;
  readonly ref: JobRef;
  readonly #options: LeaseOptions;
  // Not BullMQ's signal: that one goes by job id, and is lost to a run whose job this worker takes again.
  readonly #controller = new AbortController();
  #writer: StreamWriter | undefined;

  constructor(options: LeaseOptions) {
    const { job, id } = options;
    this.#options = options;
    this.id = id;
    this.payload = job.data;
    this.signal = this.#controller.signal;
    this.attempt = job.attemptsMade + 1;
    this.run = job.attemptsStarted;
    this.crashes = job.stalledCounter;
    this.ref = {
      jobId: id,
      kind: job.data.kind,
      queue: job.queueName,
      model: modelOf(job.data),
      ...(job.data.kind === 'inference' && { endpoint: job.data.endpoint }),
    };
  }

  /** Tells this run, and no other run of the job, to stop. The first reason counts. */
  stop(reason: StopReason): void {
    this.#controller.abort(reason);
  }

  /**
   * The record that an earlier run, or a cancellation, left. A first run does not ask, to save every job a round trip: a
   * cancellation that was not heard is found by the next sweep.
   */
  async earlierEnd(): Promise<JobRecord | undefined> {
    return this.run > 1 ? readRecord(this.#options.connection, this.id) : undefined;
  }

  /** Notes that the job runs apart from others; resolves with how often its worker has died while it did. */
  async enterQuarantine(): Promise<number> {
    const { redis, keys } = this.#options.connection;
    const key = keys.quarantine(this.id);
    const replies = await redis.multi().incr(key).pexpire(key, QUARANTINE_REMEMBERED_MS).exec();
    return Number(replies?.[0]?.[1] ?? 1) - 1;
  }

  /** The worker has survived the run. */
  async leaveQuarantine(): Promise<void> {
    const { redis, keys } = this.#options.connection;
    await redis.del(keys.quarantine(this.id));
  }

  /** Stops the run with the reason `timeout` when it takes longer than this, in milliseconds. Dispose it with the run. */
  deadline(timeoutMs: number): Disposable {
    const timer = setTimeout(() => this.stop('timeout'), timeoutMs);
    return { [Symbol.dispose]: () => clearTimeout(timer) };
  }

  /** Sends a chunk to whoever streams the job. Does not wait. */
  readonly publish = (chunk: string): void => {
    const { connection, id } = this.#options;
    this.#writer ??= new StreamWriter(connection, { jobId: id, run: this.run, onFenced: () => this.stop('lock-lost') });
    this.#writer.push(chunk);
  };

  /** Resolves when all chunks have been sent. */
  async flush(): Promise<void> {
    await this.#writer?.flush();
  }
}
