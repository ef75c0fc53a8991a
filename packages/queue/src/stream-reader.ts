import type { JobRecord } from '@llm-engine/contracts';
import type { QueueConnection } from './connection.ts';
import { Mailbox } from './mailbox.ts';
import { readRecord } from './records.ts';

/** What a reader of a job's stream sees. Chunks are numbered from 1; the number is the `Last-Event-ID` to go on from. */
export type StreamEvent =
  | { readonly type: 'chunk'; readonly seq: number; readonly chunk: string }
  /** The job runs again from its start: what came before belongs to a run that did not finish. */
  | { readonly type: 'restart'; readonly run: number }
  /** Chunks that were no longer kept. */
  | { readonly type: 'gap'; readonly missed: number }
  | { readonly type: 'end'; readonly record: JobRecord };

export interface StreamOptions {
  /** Number of the last chunk that was seen; 0 or nothing for all. */
  readonly after?: number;
  readonly signal?: AbortSignal;
}

interface Parcel {
  /** Id of the stream entry; undefined for one that came live. */
  readonly entry?: string;
  readonly run: number;
  readonly first: number;
  readonly chunks: readonly string[];
}

const PAGE = 500;

/** A look for itself every few seconds: a published message may have been lost with a connection. */
export const LOOK_AGAIN_MS = 5_000;

/**
 * Chunks of a job from `after` on, and its end. History first, then live, each chunk once, in order.
 * Ends after the `end` event, or when the signal aborts.
 */
export async function* readStream(
  connection: QueueConnection,
  jobId: string,
  { after = 0, signal }: StreamOptions = {},
): AsyncGenerator<StreamEvent> {
  const mailbox = new Mailbox<string>();
  using _subscription = await connection.wakeups.listen(connection.keys.wake(jobId), (wake) =>
    wake.kind === 'message' ? mailbox.put(wake.text) : mailbox.put('gap'),
  );
  const cursor = new Cursor(after);
  const stopped = (): boolean => signal?.aborted === true;

  while (!stopped()) {
    const look = await connection.readThroughOutage(async () => {
      // The record is read before the stream: if the job had ended by then, the stream is whole.
      const record = await readRecord(connection, jobId);
      return { record, parcels: await readParcels(connection, jobId, cursor.entry) };
    });
    if (look === undefined) continue;
    for (const parcel of look.parcels) yield* cursor.take(parcel);
    if (look.parcels.length === PAGE) continue;
    if (look.record !== undefined) {
      yield { type: 'end', record: look.record };
      return;
    }

    let live = true;
    while (live && !stopped()) {
      const message = await mailbox.take({ timeoutMs: LOOK_AGAIN_MS, signal });
      // Anything but a chunk is a reason to look again: an end, a gap, or too long a silence.
      const parcel = message?.startsWith('c') === true ? parseMessage(message) : undefined;
      if (parcel === undefined || !cursor.isNext(parcel)) live = false;
      else yield* cursor.take(parcel);
    }
  }
}

/** Where a reader stands. */
export class Cursor {
  /** Number of the chunk that is expected next. */
  next = 1;
  /** Id of the newest stream entry that was read from the stream itself. */
  entry: string | undefined;
  #after: number;
  #run: number | undefined;

  constructor(after: number) {
    this.#after = after;
  }

  /** Whether a parcel that came live can be taken as it is. Another may have come before it that only the stream holds. */
  isNext({ run, first }: Parcel): boolean {
    const current = this.#run ?? run;
    return run < current || (run === current && first <= this.next);
  }

  *take({ entry, run, first, chunks }: Parcel): Generator<StreamEvent> {
    this.entry = entry ?? this.entry;
    const current = this.#run ?? run;
    // A run that was fenced writes nothing more: this came twice.
    if (run < current) return;
    if (run > current && first < this.next) {
      // Runs count on from each other, unless the stream was forgotten in between: then the count starts over.
      this.next = 1;
      this.#after = 0;
    }
    if (first + chunks.length <= this.next) return;
    if (first > this.next && first - 1 > this.#after) {
      yield { type: 'gap', missed: first - Math.max(this.next, this.#after + 1) };
    }
    if (this.#run !== undefined && run !== this.#run && first > this.#after) yield { type: 'restart', run };
    this.#run = run;
    for (const [index, chunk] of chunks.entries()) {
      const seq = first + index;
      if (seq >= this.next && seq > this.#after) yield { type: 'chunk', seq, chunk };
    }
    this.next = first + chunks.length;
  }
}

/** A page of the stream after the given entry. */
async function readParcels(
  { redis, keys }: QueueConnection,
  jobId: string,
  after: string | undefined,
): Promise<Parcel[]> {
  const entries = await redis.xrange(keys.stream(jobId), after === undefined ? '-' : `(${after}`, '+', 'COUNT', PAGE);
  return entries.map(([entry, fields]) => ({
    entry,
    run: Number(fields[1]),
    first: Number(fields[3]),
    chunks: (fields[7] ?? '').split('\n'),
  }));
}

/** `c<run> <first>\n<chunk>\n<chunk>...`, as the append script publishes it. */
function parseMessage(text: string): Parcel {
  const headEnd = text.indexOf('\n');
  const [run, first] = text.slice(1, headEnd).split(' ').map(Number);
  return { run: run ?? 0, first: first ?? 0, chunks: text.slice(headEnd + 1).split('\n') };
}
