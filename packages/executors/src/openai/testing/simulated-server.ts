import { EndpointLimit } from '../endpoint-limit.ts';

interface Settings {
  readonly slots: number;
  /** Of the limit. */
  readonly bound: number;
  /** What it does with requests beyond its slots. */
  readonly whenFull: 'line' | 'refuse';
}

interface Measured {
  readonly firstChunkMs: (quantile: number) => number;
  /** Part of the time of the slots that chat left over in which lines of the batch were served. */
  readonly leftSlotsUsed: number;
}

type Kind = 'interactive' | 'bulk';

interface Request {
  readonly kind: Kind;
  readonly ticket: number;
  readonly arrivedAt: number;
  readonly sentAt: number;
}

/** A server with slots, chat and a batch, in a time of its own, behind a limit. */
export class SimulatedServer {
  readonly limit: EndpointLimit;
  readonly #settings: Settings;
  readonly #random = randomFrom(1);
  readonly #events: { readonly at: number; readonly act: () => void }[] = [];
  readonly #line: Request[] = [];
  readonly #chats: number[] = [];
  #now = 1_700_000_000_000;
  #busy = 0;
  #slowness = 1;
  #batching = false;
  #firstChunks: number[] = [];
  #chatBusyMs = 0;
  #batchBusyMs = 0;
  #measuredAt = this.#now;

  constructor(settings: Settings) {
    this.#settings = settings;
    this.limit = new EndpointLimit({
      bound: settings.bound,
      waiting: () => (this.#batching ? 1_000 : 0),
      onRoom: () => this.#later(0, () => this.#send()),
      now: () => this.#now,
    });
  }

  /** Conversations come from now on, at times of their own. */
  chat({ everyMs }: { readonly everyMs: number }): void {
    this.#later(-Math.log(1 - this.#random()) * everyMs, () => {
      this.#chats.push(this.#now);
      this.#send();
      this.chat({ everyMs });
    });
  }

  /** More lines than can be served, from now on. */
  batch(): void {
    this.#batching = true;
    this.#later(0, () => this.#send());
  }

  /** Everything takes so many times as long. */
  slowDown(factor: number): void {
    this.#slowness = factor;
  }

  run(ms: number): void {
    const until = this.#now + ms;
    for (;;) {
      const next = this.#events[0];
      if (next === undefined || next.at > until) break;
      this.#events.shift();
      this.#now = next.at;
      next.act();
    }
    this.#now = until;
  }

  /** Since it was measured last. */
  measure(): Measured {
    const sorted = this.#firstChunks.toSorted((a, b) => a - b);
    const slotMs = this.#settings.slots * (this.#now - this.#measuredAt);
    const measured = {
      firstChunkMs: (q: number) => sorted[Math.floor(sorted.length * q)] ?? Number.NaN,
      leftSlotsUsed: this.#batchBusyMs / (slotMs - this.#chatBusyMs),
    };
    this.#firstChunks = [];
    this.#chatBusyMs = 0;
    this.#batchBusyMs = 0;
    this.#measuredAt = this.#now;
    return measured;
  }

  #send(): void {
    for (;;) {
      if (this.#chats.length > 0 && this.limit.hasRoom('interactive')) this.#arrive('interactive', this.#chats.shift());
      else if (this.#batching && this.limit.hasRoom('bulk')) this.#arrive('bulk');
      else return;
    }
  }

  #arrive(kind: Kind, arrivedAt = this.#now): void {
    const { slots, whenFull } = this.#settings;
    this.limit.take(kind);
    const request = { kind, arrivedAt, ticket: this.limit.ticket, sentAt: this.#now };
    if (this.#busy < slots) this.#serve(request);
    else if (whenFull === 'line') this.#line.push(request);
    else this.#later(2, () => this.#refuse(request));
  }

  #refuse({ kind, ticket, arrivedAt }: Request): void {
    this.limit.ended(kind, ticket, { kind: 'refused' });
    if (kind === 'interactive') this.#chats.unshift(arrivedAt);
    this.#later(1, () => this.#send());
  }

  #serve(request: Request): void {
    const { kind, ticket, arrivedAt, sentAt } = request;
    this.#busy += 1;
    const firstMs = (120 + this.#random() * 60) * this.#slowness;
    const ms = firstMs + (40 + this.#random() * 40) * 15 * this.#slowness;
    const firstAt = this.#now + firstMs;
    this.#later(ms, () => {
      this.#busy -= 1;
      if (kind === 'interactive') this.#chatBusyMs += ms;
      else this.#batchBusyMs += ms;
      const next = this.#line.shift();
      if (next !== undefined) this.#serve(next);
      if (kind === 'interactive') this.#firstChunks.push(firstAt - arrivedAt);
      this.limit.ended(kind, ticket, {
        kind: 'answered',
        ...(kind === 'interactive' && { firstChunkMs: firstAt - sentAt }),
      });
      this.#later(1, () => this.#send());
    });
  }

  #later(ms: number, act: () => void): void {
    const at = this.#now + ms;
    let place = this.#events.length;
    while (place > 0 && (this.#events[place - 1]?.at ?? 0) > at) place -= 1;
    this.#events.splice(place, 0, { at, act });
  }
}

/** Numbers from 0 to 1, the same for the same seed. */
function randomFrom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state * 1_103_515_245 + 12_345) % 2 ** 31;
    return state / 2 ** 31;
  };
}
