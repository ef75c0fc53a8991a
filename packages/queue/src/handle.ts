import { EngineError } from '@llm-engine/contracts';
import type { Job, JobRecord } from '@llm-engine/contracts';
import { cancelJob } from './cancellation.ts';
import type { QueueConnection } from './connection.ts';
import { readJob } from './job-reader.ts';
import { Mailbox } from './mailbox.ts';
import { parseRecord, readRecord } from './records.ts';
import { isConnectionError } from './redis-errors.ts';
import { LOOK_AGAIN_MS, readStream } from './stream-reader.ts';
import type { StreamEvent, StreamOptions } from './stream-reader.ts';

export interface WaitOptions {
  /** Stop waiting after this long, in milliseconds, with `wait_timeout`. The job goes on. Default: wait for ever. */
  readonly timeoutMs?: number;
  readonly signal?: AbortSignal;
}

/** A job that was submitted, by its id. Holds no resource; make as many as you like. */
export class JobHandle {
  readonly id: string;
  readonly #connection: QueueConnection;

  constructor(connection: QueueConnection, id: string) {
    this.#connection = connection;
    this.id = id;
  }

  /** Throws `job_not_found`. */
  status(): Promise<Job | JobRecord> {
    return readJob(this.#connection, this.id);
  }

  /** Waits for the end of the job, however it ends: look at `state`. */
  result(options: WaitOptions = {}): Promise<JobRecord> {
    return waitForRecord(this.#connection, this.id, options);
  }

  /** Chunks of a job whose body asks for `stream`, then its end. Any number of readers, at any time. */
  stream(options: StreamOptions = {}): AsyncGenerator<StreamEvent> {
    return readStream(this.#connection, this.id, options);
  }

  /** Throws `job_already_finished` when there is nothing to cancel. */
  cancel(): Promise<JobRecord> {
    return cancelJob(this.#connection, this.id);
  }
}

/**
 * Waits for a job's record. `submitted`, where given, is the submission itself, which then runs while the subscription is
 * being made: a synchronous request saves a round trip.
 */
export async function waitForRecord(
  connection: QueueConnection,
  id: string,
  { timeoutMs, signal }: WaitOptions = {},
  submitted?: () => Promise<unknown>,
): Promise<JobRecord> {
  const deadline = timeoutMs === undefined ? Infinity : Date.now() + timeoutMs;
  const mailbox = new Mailbox<JobRecord | 'look'>();
  const listening = connection.wakeups.listen(connection.keys.wake(id), (wake) => {
    if (wake.kind === 'gap') mailbox.put('look');
    else if (wake.text.startsWith('e')) mailbox.put(parseRecord(wake.text.slice(1)) ?? 'look');
  });
  using _subscription = await settleBoth(listening, submitted?.());

  // The job may have ended before the subscription was in force. Not awaited: the end may well be heard first.
  lookFor(connection, id).then(
    (record) => record !== undefined && mailbox.put(record),
    () => mailbox.put('look'),
  );
  for (;;) {
    const heard = await mailbox.take({ timeoutMs: Math.min(LOOK_AGAIN_MS, deadline - Date.now()), signal });
    signal?.throwIfAborted();
    const record = heard === undefined || heard === 'look' ? await lookFor(connection, id) : heard;
    if (record !== undefined) return record;
    if (Date.now() >= deadline) throw waitTimeout(id, timeoutMs);
  }
}

/** An outage of Redis does not end a wait: the job is kept there, and goes on when it is back. */
async function lookFor(connection: QueueConnection, id: string): Promise<JobRecord | undefined> {
  try {
    return await readRecord(connection, id);
  } catch (error) {
    if (isConnectionError(error)) return undefined;
    throw error;
  }
}

function waitTimeout(id: string, timeoutMs: number | undefined): EngineError {
  return new EngineError(
    'wait_timeout',
    `The job '${id}' has not ended within ${timeoutMs} ms. It goes on: ask for it again.`,
  );
}

/** Waits for both, so that a failed submission leaves no subscription behind. */
async function settleBoth(
  listening: Promise<Disposable>,
  submitting: Promise<unknown> | undefined,
): Promise<Disposable> {
  const [listened, submitted] = await Promise.allSettled([listening, submitting]);
  if (submitted.status === 'rejected') {
    if (listened.status === 'fulfilled') listened.value[Symbol.dispose]();
    throw submitted.reason;
  }
  if (listened.status === 'rejected') throw listened.reason;
  return listened.value;
}
