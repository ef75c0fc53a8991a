import { abortError } from './abort.ts';

/** Something that serves a limited number of requests at once, such as one endpoint of a model server. */
export interface SlotHolder {
  readonly slots: number;
  inUse: number;
}

interface Waiter<Holder> {
  readonly choose: () => Holder | undefined;
  readonly grant: (holder: Holder) => void;
  readonly refuse: (error: Error) => void;
}

/**
 * Hands out the slots of its holders, first come, first served:
 * 1. a request says by `choose` which holder it would take now; nothing free means that it waits;
 * 2. a freed slot goes to the oldest waiter that can use it;
 * 3. a waiter leaves when its signal aborts, and all of them when the queue closes.
 */
export class SlotQueue<Holder extends SlotHolder> {
  readonly #waiters = new Set<Waiter<Holder>>();
  #closedBy: Error | undefined;

  get waiting(): number {
    return this.#waiters.size;
  }

  /** Takes a slot; the caller gives it back with `release`. */
  async acquire(choose: () => Holder | undefined, signal: AbortSignal): Promise<Holder> {
    if (this.#closedBy !== undefined) throw this.#closedBy;
    if (signal.aborted) throw abortError(signal);
    const holder = choose();
    if (holder === undefined) return this.#wait(choose, signal);
    holder.inUse += 1;
    return holder;
  }

  release(holder: Holder): void {
    holder.inUse -= 1;
    let granted = false;
    for (const waiter of this.#waiters) {
      const next = waiter.choose();
      if (next !== undefined) {
        next.inUse += 1;
        granted = true;
        waiter.grant(next);
      } else if (granted) {
        // The freed slot is taken. Going on until here admits the others too when an endpoint has recovered.
        return;
      }
    }
  }

  close(error: Error): void {
    this.#closedBy = error;
    for (const waiter of this.#waiters) waiter.refuse(error);
  }

  #wait(choose: () => Holder | undefined, signal: AbortSignal): Promise<Holder> {
    const { promise, resolve, reject } = Promise.withResolvers<Holder>();
    const leave = (): void => {
      this.#waiters.delete(waiter);
      signal.removeEventListener('abort', onAbort);
    };
    const waiter: Waiter<Holder> = {
      choose,
      grant: (holder) => {
        leave();
        resolve(holder);
      },
      refuse: (error) => {
        leave();
        reject(error);
      },
    };
    const onAbort = (): void => waiter.refuse(abortError(signal));
    signal.addEventListener('abort', onAbort, { once: true });
    this.#waiters.add(waiter);
    return promise;
  }
}
