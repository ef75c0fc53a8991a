import { randomUUID } from 'node:crypto';
import type { QueueConnection } from './connection.ts';
import type { EndMailbox } from './handle.ts';
import { parseRecord } from './records.ts';

/** The connection that listens waits for Redis for as long as it takes; whoever submits does not. */
const OPEN_PATIENCE_MS = 800;

/**
 * Where the ends of the jobs arrive that this process submitted and waits for: one channel for all of them, so that a
 * synchronous request costs no subscription of its own.
 */
export class ReplyInbox {
  /** What a job carries as its `replyTo`. */
  readonly address = randomUUID();
  readonly #connection: QueueConnection;
  readonly #waiting = new Map<string, EndMailbox>();
  #opening: Promise<Disposable> | undefined;
  #isOpen = false;

  constructor(connection: QueueConnection) {
    this.#connection = connection;
  }

  /** Resolves when the channel is listened to; at once after the first time. Throws `queue_unavailable` when Redis does not confirm. */
  async open(): Promise<void> {
    if (this.#isOpen) return;
    this.#opening ??= this.#listen();
    const { promise: late, reject } = Promise.withResolvers<never>();
    const timer = setTimeout(() => reject(this.#connection.unavailable()), OPEN_PATIENCE_MS);
    try {
      await Promise.race([this.#opening, late]);
    } finally {
      clearTimeout(timer);
    }
  }

  /** Puts the end of the job, when it comes, into the mailbox. Call it before the job is submitted. */
  expect(jobId: string, mailbox: EndMailbox): Disposable {
    this.#waiting.set(jobId, mailbox);
    return { [Symbol.dispose]: () => this.#waiting.delete(jobId) };
  }

  async #listen(): Promise<Disposable> {
    const { wakeups, keys } = this.#connection;
    try {
      const subscription = await wakeups.listen(keys.reply(this.address), (wake) => {
        if (wake.kind === 'gap') for (const mailbox of this.#waiting.values()) mailbox.put('look');
        else this.#deliver(wake.text);
      });
      this.#isOpen = true;
      return subscription;
    } catch (error) {
      this.#opening = undefined;
      throw error;
    }
  }

  #deliver(text: string): void {
    const record = parseRecord(text.slice(1));
    if (record !== undefined) this.#waiting.get(record.id)?.put(record);
  }
}
