import { PRIORITIES } from '@llm-engine/contracts';
import type { Priority } from '@llm-engine/contracts';
import { abortError } from './abort.ts';

/** Something that serves a limited number of requests at once, such as one endpoint of a model server. */
export interface SlotHolder {
  /** A request of that priority has one of its slots. */
  take(priority: Priority): void;
}

/** Where the requests that one waits in line with would go. */
export interface SlotSource<Holder extends SlotHolder> {
  readonly holders: readonly Holder[];
  /** The holder that a request of that priority would take now; nothing free means that it waits. */
  choose(priority: Priority): Holder | undefined;
}

/**
 * Hands out the slots of holders:
 * 1. a request waits in line with those of its source and its priority: the more urgent go first, then who came first;
 * 2. freed slots go to those who wait and can use them;
 * 3. a request leaves its line when its signal aborts, and all of them when the queue closes.
 * It may have thousands of requests in line, so that what each end of a request costs does not depend on how many wait.
 */
export class SlotQueue<Holder extends SlotHolder> {
  readonly #lines = new Map<SlotSource<Holder>, Record<Priority, Line<Holder>>>();
  readonly #aborts = new Map<AbortSignal, Aborts<Holder>>();
  #arrivals = 0;
  #pass = 0;
  #closedBy: Error | undefined;

  /** How many wait, by priority. */
  waiting(): Readonly<Record<Priority, number>> {
    const counts = { interactive: 0, standard: 0, bulk: 0 };
    for (const lines of this.#lines.values()) for (const name of PRIORITIES) counts[name] += lines[name].size;
    return counts;
  }

  /** How many wait that are not interactive, and could use that holder. */
  waitingFor(holder: Holder): number {
    let count = 0;
    for (const [{ holders }, { standard, bulk }] of this.#lines) {
      if (holders.includes(holder)) count += standard.size + bulk.size;
    }
    return count;
  }

  /** Takes a slot; the caller gives it back to its holder, and then calls `admit`. */
  async acquire(source: SlotSource<Holder>, priority: Priority, signal: AbortSignal): Promise<Holder> {
    if (this.#closedBy !== undefined) throw this.#closedBy;
    if (signal.aborted) throw abortError(signal);
    const holder = source.choose(priority);
    if (holder === undefined) return this.#wait(source, priority, signal);
    holder.take(priority);
    return holder;
  }

  /** Lets in those who wait and can go now: to be called whenever a slot may have become free. */
  admit(): void {
    if (this.#lines.size === 0) return;
    for (const priority of PRIORITIES) this.#admitOf(priority);
  }

  close(error: Error): void {
    this.#closedBy = error;
    for (const lines of this.#lines.values()) {
      for (const name of PRIORITIES) {
        for (let waiter = lines[name].first(); waiter !== undefined; waiter = lines[name].first()) {
          this.#leave(waiter);
          waiter.refuse(error);
        }
      }
    }
    this.#lines.clear();
  }

  #admitOf(priority: Priority): void {
    this.#pass += 1;
    for (;;) {
      let next: Waiter<Holder> | undefined;
      for (const { [priority]: line } of this.#lines.values()) {
        if (line.passedOver === this.#pass) continue;
        const first = line.first();
        if (first !== undefined && (next === undefined || first.arrival < next.arrival)) next = first;
      }
      if (next === undefined) return;
      const holder = next.source.choose(priority);
      if (holder === undefined) {
        next.line.passedOver = this.#pass;
        continue;
      }
      holder.take(priority);
      this.#leave(next);
      next.grant(holder);
    }
  }

  #wait(source: SlotSource<Holder>, priority: Priority, signal: AbortSignal): Promise<Holder> {
    const { promise, resolve, reject } = Promise.withResolvers<Holder>();
    let lines = this.#lines.get(source);
    if (lines === undefined) {
      lines = { interactive: new Line(), standard: new Line(), bulk: new Line() };
      this.#lines.set(source, lines);
    }
    const line = lines[priority];
    const arrival = (this.#arrivals += 1);
    const waiter = { source, line, signal, arrival, grant: resolve, refuse: reject, gone: false };
    line.add(waiter);
    this.#listen(waiter);
    return promise;
  }

  #leave(waiter: Waiter<Holder>): void {
    const { source, line, signal } = waiter;
    line.remove(waiter);
    const lines = this.#lines.get(source);
    if (lines !== undefined && PRIORITIES.every((name) => lines[name].size === 0)) this.#lines.delete(source);
    const aborts = this.#aborts.get(signal);
    if (aborts === undefined) return;
    aborts.waiters.delete(waiter);
    if (aborts.waiters.size > 0) return;
    signal.removeEventListener('abort', aborts.onAbort);
    this.#aborts.delete(signal);
  }

  /** Once for each signal: many requests share one, and adding a listener takes the longer the more there are. */
  #listen(waiter: Waiter<Holder>): void {
    const { signal } = waiter;
    const known = this.#aborts.get(signal);
    if (known !== undefined) {
      known.waiters.add(waiter);
      return;
    }
    const waiters = new Set([waiter]);
    const onAbort = (): void => {
      for (const aborted of waiters) {
        this.#leave(aborted);
        aborted.refuse(abortError(signal));
      }
    };
    signal.addEventListener('abort', onAbort, { once: true });
    this.#aborts.set(signal, { waiters, onAbort });
  }
}

interface Waiter<Holder extends SlotHolder> {
  readonly source: SlotSource<Holder>;
  readonly line: Line<Holder>;
  readonly signal: AbortSignal;
  readonly arrival: number;
  readonly grant: (holder: Holder) => void;
  readonly refuse: (error: Error) => void;
  gone: boolean;
}

interface Aborts<Holder extends SlotHolder> {
  readonly waiters: Set<Waiter<Holder>>;
  readonly onAbort: () => void;
}

/** First come, first served. Who leaves from the middle is skipped when his turn comes. */
class Line<Holder extends SlotHolder> {
  #waiters: Waiter<Holder>[] = [];
  #head = 0;
  size = 0;
  /** The pass in which its first could not go. */
  passedOver = 0;

  add(waiter: Waiter<Holder>): void {
    this.#waiters.push(waiter);
    this.size += 1;
  }

  first(): Waiter<Holder> | undefined {
    while (this.#waiters[this.#head]?.gone === true) this.#head += 1;
    // Now and then, so that each step takes the same time on average.
    if (this.#head > 1_000 && this.#head * 2 > this.#waiters.length) {
      this.#waiters = this.#waiters.slice(this.#head);
      this.#head = 0;
    }
    return this.#waiters[this.#head];
  }

  remove(waiter: Waiter<Holder>): void {
    waiter.gone = true;
    this.size -= 1;
    if (this.size > 0) return;
    this.#waiters = [];
    this.#head = 0;
  }
}
