import { EngineError } from '@llm-engine/contracts';
import type { InferenceSubmission, JobRecord, JobSubmission, OnJobEvent, RejectReason } from '@llm-engine/contracts';
import { ModelCatalogue } from './catalogue.ts';
import { coalesceWrites } from './coalesce.ts';
import { QueueConnection } from './connection.ts';
import type { QueueConnectionOptions } from './connection.ts';
import { JobHandle, takeRecord } from './handle.ts';
import type { EndMailbox, WaitOptions } from './handle.ts';
import { claimKey } from './idempotency.ts';
import { newJobId } from './ids.ts';
import { Mailbox } from './mailbox.ts';
import { enqueued, parseSubmission, prepare, queueOf, requireAccepted } from './prepare.ts';
import type { Prepared } from './prepare.ts';
import { isOutage } from './redis-errors.ts';
import { ReplyInbox } from './reply-inbox.ts';

export interface ProducerOptions {
  /** Whose jobs these are. Default `default`. */
  readonly owner?: string;
  readonly onEvent?: OnJobEvent;
}

const BULK_CHUNK = 1_000;

/**
 * Puts jobs into the queues.
 * 1. Checks each submission once, and finds its queue by its model.
 * 2. Adds it in one round trip; two when it has an idempotency key.
 * 3. Answers at once, with `queue_unavailable`, while Redis is out of reach or takes no writes.
 */
export class Producer implements AsyncDisposable {
  readonly models: ModelCatalogue;
  readonly #connection: QueueConnection;
  readonly #owner: string;
  readonly #onEvent: OnJobEvent;
  readonly #owned: boolean;
  readonly #inbox: ReplyInbox;

  /** On a connection that somebody else owns and closes. */
  constructor(connection: QueueConnection, options: ProducerOptions = {}, owned = false) {
    this.#connection = connection;
    this.models = new ModelCatalogue(connection);
    this.#owner = options.owner ?? 'default';
    this.#onEvent = options.onEvent ?? (() => undefined);
    this.#owned = owned;
    this.#inbox = new ReplyInbox(connection);
  }

  /** Connects, and closes its connection when it is disposed of. */
  static async connect(options: QueueConnectionOptions & ProducerOptions): Promise<Producer> {
    const connection = new QueueConnection(options);
    try {
      await connection.waitUntilReady();
    } catch (error) {
      await connection[Symbol.asyncDispose]();
      throw error;
    }
    return new Producer(connection, options, true);
  }

  /** Resolves when the job is in the queue. Throws an EngineError that says what is wrong with it. */
  async submit(submission: JobSubmission): Promise<JobHandle> {
    return this.#accepting(async () => {
      const job = await this.#prepare(submission);
      const id = await this.#add(job, submission.idempotencyKey);
      return this.job(id);
    });
  }

  /** Submits a job and waits for its end, however it ends. Cheaper than `submit` and `result`: its end is sent here. */
  async run(
    submission: InferenceSubmission,
    { onSubmitted, ...wait }: WaitOptions & { readonly onSubmitted?: (id: string) => void } = {},
  ): Promise<JobRecord> {
    const mailbox: EndMailbox = new Mailbox();
    return this.#accepting(async () => {
      await this.#inbox.open();
      const job = await this.#prepare(submission);
      using _expected = this.#inbox.expect(job.id, mailbox);
      const id = await this.#add(job, submission.idempotencyKey, this.#inbox.address);
      onSubmitted?.(id);
      // A job that an earlier request submitted answers to that one.
      if (id !== job.id) return this.job(id).result(wait);
      return await takeRecord(this.#connection, id, mailbox, wait);
    });
  }

  /**
   * Submits many jobs: all are checked before the first is added. Where Redis fails halfway the error says how many were
   * accepted; with idempotency keys the whole list can then be sent again.
   */
  async submitMany(submissions: readonly JobSubmission[]): Promise<JobHandle[]> {
    return this.#accepting(async () => {
      const jobs: Prepared[] = [];
      for (const [index, submission] of submissions.entries()) jobs.push(await this.#prepare(submission, index));
      const ids: string[] = [];
      for (let start = 0; start < jobs.length; start += BULK_CHUNK) {
        const chunk = jobs.slice(start, start + BULK_CHUNK);
        try {
          const keys = submissions.slice(start, start + BULK_CHUNK).map((submission) => submission.idempotencyKey);
          ids.push(...(await this.#addChunk(chunk, keys)));
        } catch (error) {
          if (start === 0) throw error;
          throw new EngineError(
            'queue_unavailable',
            `Only the first ${start} of ${jobs.length} jobs were certainly accepted; submit the rest again.`,
            {
              cause: error,
              retryAfterMs: 1_000,
            },
          );
        }
      }
      return ids.map((id) => this.job(id));
    });
  }

  /** A handle on any job, by its id. */
  job(id: string): JobHandle {
    return new JobHandle(this.#connection, id, this.#onEvent);
  }

  get ready(): boolean {
    return this.#connection.ready;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#owned) await this.#connection[Symbol.asyncDispose]();
  }

  /** Turns what a Redis throws that is out of reach, or full, into `queue_unavailable`, and reports what was refused. */
  async #accepting<Value>(submit: () => Promise<Value>): Promise<Value> {
    try {
      this.#connection.requireReady();
      return await submit();
    } catch (error) {
      const refusal = isOutage(error) ? this.#connection.unavailable(error) : error;
      const reason = refusal instanceof EngineError ? REJECTIONS[refusal.code] : undefined;
      if (reason !== undefined) this.#onEvent({ type: 'rejected', kind: 'unknown', reason });
      throw refusal;
    }
  }

  async #prepare(submission: JobSubmission, index?: number): Promise<Prepared> {
    const job = parseSubmission(submission, index);
    const queue = await queueOf(job, this.models);
    return prepare(job, { id: newJobId(), queue, owner: this.#owner });
  }

  async #add(job: Prepared, idempotencyKey: string | undefined, replyTo?: string): Promise<string> {
    const id = idempotencyKey === undefined ? job.id : await this.#claim(job, idempotencyKey);
    if (idempotencyKey !== undefined && id !== job.id && (await this.#hasEnded(id))) return id;
    await this.#connection.registerQueues([job.queue]);
    const data = replyTo === undefined ? job.payload : { ...job.payload, replyTo };
    coalesceWrites(this.#connection.redis);
    const added = await this.#connection.queue(job.queue).add(data.kind, data, { ...job.options, jobId: id });
    requireAccepted(added.id, id);
    this.#onEvent(enqueued(job, id));
    return id;
  }

  async #addChunk(jobs: readonly Prepared[], keys: readonly (string | undefined)[]): Promise<string[]> {
    const ids = await Promise.all(
      jobs.map(async (job, index) => {
        const key = keys[index];
        return key === undefined ? job.id : this.#claim(job, key);
      }),
    );
    const wanted: { job: Prepared; id: string }[] = [];
    for (const [index, job] of jobs.entries()) {
      const id = ids[index] ?? job.id;
      if (id === job.id || !(await this.#hasEnded(id))) wanted.push({ job, id });
    }
    const byQueue = Map.groupBy(wanted, ({ job }) => job.queue);
    await this.#connection.registerQueues([...byQueue.keys()]);
    for (const [queue, members] of byQueue) {
      const added = await this.#connection.queue(queue).addBulk(
        members.map(({ job, id }) => ({
          name: job.payload.kind,
          data: job.payload,
          opts: { ...job.options, jobId: id },
        })),
      );
      for (const [index, { job, id }] of members.entries()) {
        requireAccepted(added[index]?.id, id);
        this.#onEvent(enqueued(job, id));
      }
    }
    return ids;
  }

  #claim(job: Prepared, key: string): Promise<string> {
    return claimKey(this.#connection, { owner: this.#owner, key, jobId: job.id, payload: job.payload });
  }

  /** An ended job may have left its queue: adding its id again would run it again. */
  async #hasEnded(id: string): Promise<boolean> {
    return (await this.#connection.redis.exists(this.#connection.keys.record(id))) === 1;
  }
}

const REJECTIONS: Partial<Record<EngineError['code'], RejectReason>> = {
  invalid_request: 'invalid_request',
  model_not_found: 'model_not_found',
  idempotency_conflict: 'idempotency_conflict',
  queue_unavailable: 'queue_unavailable',
};
