import { randomUUID } from 'node:crypto';
import type { QueueConnection } from './connection.ts';
import type { EndMailbox } from './handle.ts';
import { parseRecord } from './records.ts';

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

  constructor(connection: QueueConnection) {
    this.#connection = connection;
  }

  /** Resolves when the channel is listened to; at once after the first time. */
  async open(): Promise<void> {
    this.#opening ??= this.#listen();
    await this.#opening;
  }

  /** Puts the end of the job, when it comes, into the mailbox. Call it before the job is submitted. */
  expect(jobId: string, mailbox: EndMailbox): Disposable {
    this.#waiting.set(jobId, mailbox);
    return { [Symbol.dispose]: () => this.#waiting.delete(jobId) };
  }

  async #listen(): Promise<Disposable> {
    const { wakeups, keys } = this.#connection;
    try {
      return await wakeups.listen(keys.reply(this.address), (wake) => {
        if (wake.kind === 'gap') for (const mailbox of this.#waiting.values()) mailbox.put('look');
        else this.#deliver(wake.text);
      });
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
