import { EngineError, isTerminal } from '@llm-engine/contracts';
import type { Job, JobRecord, OnJobEvent } from '@llm-engine/contracts';
import { cancelJob } from './cancellation.ts';
import type { QueueConnection } from './connection.ts';
import { readJob } from './job-reader.ts';
import { Mailbox } from './mailbox.ts';
import { parseRecord, readRecord } from './records.ts';
import { LOOK_AGAIN_MS, readStream } from './stream-reader.ts';
import type { StreamEvent, StreamOptions } from './stream-reader.ts';
import type { OnWake } from './wakeups.ts';

/** What a timer can hold; a longer one would go off at once. */
const LONGEST_TIMER_MS = 2 ** 31 - 1;

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

  /** Waits for the end of the job, however it ends: look at `state`. Throws `job_not_found`, or `wait_timeout`. */
  result(options: WaitOptions = {}): Promise<JobRecord> {
    return waitForRecord(this.#connection, this.id, options);
  }

  /** Chunks of a job whose body asks for `stream`, then its end. Any number of readers, at any time. Throws `job_not_found`. */
  async *stream(options: StreamOptions = {}): AsyncGenerator<StreamEvent> {
    // A job that is not known would be waited for in vain.
    await this.#connection.readThroughOutage(() => this.status());
    yield* readStream(this.#connection, this.id, options);
  }

  /** Throws `job_already_finished` when there is nothing to cancel. */
  cancel(): Promise<JobRecord> {
    return cancelJob(this.#connection, this.id, this.#onEvent);
  }
}

/** Waits for the end of any job, whoever submitted it. */
async function waitForRecord(connection: QueueConnection, id: string, options: WaitOptions): Promise<JobRecord> {
  const mailbox: EndMailbox = new Mailbox();
  const deadline = deadlineOf(options);
  using _subscription = await listenWithin(
    connection,
    id,
    (wake) => {
      if (wake.kind === 'gap') mailbox.put('look');
      else if (wake.text.startsWith('e')) mailbox.put(parseRecord(wake.text.slice(1)) ?? 'look');
    },
    { ...options, deadline },
  );
  // The job may have ended before the subscription was in force; and one that is not known would be waited for in vain.
  const job = await connection.readThroughOutage(() => readJob(connection, id));
  if (job === undefined || isTerminal(job.state)) mailbox.put('look');
  return await takeRecord(connection, id, mailbox, { ...options, timeoutMs: deadline - Date.now() });
}

function deadlineOf({ timeoutMs }: WaitOptions): number {
  return timeoutMs === undefined ? Infinity : Date.now() + timeoutMs;
}

/** Listens to a job; who waits does not wait longer for a Redis that does not confirm. */
async function listenWithin(
  { wakeups, keys }: QueueConnection,
  id: string,
  onWake: OnWake,
  { deadline, signal, timeoutMs }: WaitOptions & { readonly deadline: number },
): Promise<Disposable> {
  signal?.throwIfAborted();
  const listening = wakeups.listen(keys.wake(id), onWake);
  const { promise: givenUp, reject } = Promise.withResolvers<never>();
  const abort = (): void => reject(signal?.reason);
  const timer =
    deadline === Infinity
      ? undefined
      : setTimeout(() => reject(waitTimeout(id, timeoutMs)), Math.min(deadline - Date.now(), LONGEST_TIMER_MS));
  signal?.addEventListener('abort', abort);
  try {
    return await Promise.race([listening, givenUp]);
  } catch (error) {
    // A subscription that is confirmed after all is not wanted any more; one that fails has nothing to be dropped.
    listening.then(
      (subscription) => subscription[Symbol.dispose](),
      () => undefined,
    );
    throw error;
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener('abort', abort);
  }
}

/** Where the end of a job arrives, or a reason to look for it. */
export type EndMailbox = Mailbox<JobRecord | 'look'>;

export async function takeRecord(
  connection: QueueConnection,
  id: string,
  mailbox: EndMailbox,
  options: WaitOptions,
): Promise<JobRecord> {
  const { timeoutMs, signal } = options;
  const deadline = deadlineOf(options);
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
