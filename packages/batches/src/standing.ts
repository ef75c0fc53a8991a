import type { BatchTable } from '@llm-engine/storage';
import { takesLines } from '@llm-engine/storage';

/** Why a batch takes no more lines: `closing` also stops the lines in flight. */
export type Halt = 'paused' | 'closing';

interface Follower {
  readonly batchId: string;
  readonly halt: (reason: Halt) => void;
}

const LOOK_EVERY_MS = 500;

/**
 * Tells the runs of this process when their batch takes no more lines: cancelled, paused, or past its window. One query a look,
 * however many chunks run; it looks only while somebody follows.
 */
export class BatchStanding implements Disposable {
  readonly #batches: Pick<BatchTable, 'standing'>;
  readonly #onTrouble: (error: Error) => void;
  readonly #followers = new Set<Follower>();
  #timer: NodeJS.Timeout | undefined;
  #closed = false;

  constructor(batches: Pick<BatchTable, 'standing'>, onTrouble: (error: Error) => void) {
    this.#batches = batches;
    this.#onTrouble = onTrouble;
  }

  /** Dispose it with the run. */
  follow(batchId: string, halt: (reason: Halt) => void): Disposable {
    const follower: Follower = { batchId, halt };
    this.#followers.add(follower);
    this.#schedule();
    return { [Symbol.dispose]: () => void this.#followers.delete(follower) };
  }

  /** Asks now. */
  async takesLines(batchId: string): Promise<boolean> {
    const batch = (await this.#batches.standing([batchId])).get(batchId);
    return batch !== undefined && takesLines(batch);
  }

  [Symbol.dispose](): void {
    this.#closed = true;
    clearTimeout(this.#timer);
  }

  #schedule(): void {
    if (this.#closed || this.#timer !== undefined || this.#followers.size === 0) return;
    this.#timer = setTimeout(() => void this.#look(), LOOK_EVERY_MS * (0.75 + Math.random() / 2));
  }

  async #look(): Promise<void> {
    try {
      // Whoever begins to follow during the query is for the next look: this one does not know its batch.
      const followers = [...this.#followers];
      const standing = await this.#batches.standing([...new Set(followers.map(({ batchId }) => batchId))]);
      for (const { batchId, halt } of followers) {
        const batch = standing.get(batchId);
        if (batch !== undefined && takesLines(batch)) continue;
        halt(batch?.status === 'in_progress' ? 'paused' : 'closing');
      }
    } catch (error) {
      // The database is away: the runs go on with what they have, and the next look tells.
      this.#onTrouble(error instanceof Error ? error : new Error(String(error)));
    }
    this.#timer = undefined;
    this.#schedule();
  }
}
