import { EngineError } from '@llm-engine/contracts';
import type { Job, JobRecord, OnJobEvent } from '@llm-engine/contracts';
import { cancelJob } from './cancellation.ts';
import type { QueueConnection } from './connection.ts';
import { readJob } from './job-reader.ts';
import { Mailbox } from './mailbox.ts';
import { parseRecord, readRecord } from './records.ts';
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

  readonly #onEvent: OnJobEvent;

  constructor(connection: QueueConnection, id: string, onEvent: OnJobEvent = () => undefined) {
    this.#connection = connection;
    this.id = id;
    this.#onEvent = onEvent;
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
    return cancelJob(this.#connection, this.id, this.#onEvent);
  }
}

/** Waits for the end of any job, whoever submitted it. */
async function waitForRecord(connection: QueueConnection, id: string, options: WaitOptions): Promise<JobRecord> {
  const mailbox: EndMailbox = new Mailbox();
  using _subscription = await connection.wakeups.listen(connection.keys.wake(id), (wake) => {
    if (wake.kind === 'gap') mailbox.put('look');
    else if (wake.text.startsWith('e')) mailbox.put(parseRecord(wake.text.slice(1)) ?? 'look');
  });
  // The job may have ended before the subscription was in force.
  mailbox.put('look');
  return await takeRecord(connection, id, mailbox, options);
}

/** Where the end of a job arrives, or a reason to look for it. */
export type EndMailbox = Mailbox<JobRecord | 'look'>;

export async function takeRecord(
  connection: QueueConnection,
  id: string,
  mailbox: EndMailbox,
  { timeoutMs, signal }: WaitOptions,
): Promise<JobRecord> {
  const deadline = timeoutMs === undefined ? Infinity : Date.now() + timeoutMs;
  for (;;) {
    const heard = await mailbox.take({ timeoutMs: Math.min(LOOK_AGAIN_MS, deadline - Date.now()), signal });
    signal?.throwIfAborted();
    if (heard !== undefined && heard !== 'look') return heard;
    const found = await connection.readThroughOutage(async () => ({ record: await readRecord(connection, id) }));
    if (found === undefined) mailbox.put('look');
    else if (found.record !== undefined) return found.record;
    if (Date.now() >= deadline) throw waitTimeout(id, timeoutMs);
  }
}

function waitTimeout(id: string, timeoutMs: number | undefined): EngineError {
  return new EngineError(
    'wait_timeout',
    `The job '${id}' has not ended within ${timeoutMs} ms. It goes on: ask for it again.`,
  );
}
