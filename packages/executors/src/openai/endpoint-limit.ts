import { randomUUID } from 'node:crypto';
import type { DecreaseReason, Priority } from '@llm-engine/contracts';
import { DECREASE, LONGEST_PAUSE_MS, initialLimit } from './limit.ts';
import { Tally } from './limit-tally.ts';
import { readSharedLimit, shareLimit, withoutMember } from './shared-limit.ts';
import type { Report, SharedLimit } from './shared-limit.ts';

/** How a request ended, as far as it says something of what the server can take. */
export interface LimitedEnd {
  readonly kind: 'answered' | 'refused' | 'timeout' | 'undecided';
  readonly retryAfterMs?: number | undefined;
  /** Of a stream. */
  readonly firstChunkMs?: number | undefined;
}

interface EndpointLimitOptions {
  /** Largest limit. */
  readonly bound: number;
  /** Requests that wait and could go to the endpoint, interactive ones apart. */
  readonly waiting: () => number;
  /** Requests that wait may go now: the limit has grown, or a pause is over. */
  readonly onRoom: () => void;
  /** Unix milliseconds. */
  readonly now?: () => number;
}

/** Changes the document that the processes which use the endpoint have in common. */
type Update = (change: (document: unknown, now: number) => SharedLimit) => Promise<void>;

/** How often the limit is looked at where nobody shares it. */
const LOOK_MS = 100;
/** From so many refusals after one another the server takes nothing; single ones it also gives at the edge of what it takes. */
const TAKES_NOTHING = 4;
/** How long it waits for what the others decide on a pause, in milliseconds. */
const UNTIL_TOLD_MS = 1_000;

/**
 * How many requests may be at one endpoint:
 * 1. says whether a request may go there now: interactive ones up to the limit, the others up to this process's share of it,
 *    and not while the server wants a pause;
 * 2. counts what it sees of the server, by adding numbers: it is asked for every request;
 * 3. has the limit adapted to it: by itself, or together with other processes, once it shares the limit with them.
 */
export class EndpointLimit {
  readonly #options: EndpointLimitOptions;
  readonly #now: () => number;
  readonly #member = randomUUID();
  readonly decreases: Record<DecreaseReason, number> = { refused: 0, timeout: 0, slow: 0 };
  #known: SharedLimit | undefined;
  #sharing = false;
  /** Whole requests of all processes, and of this one. */
  #limit: number;
  #share: number;
  #inUse = 0;
  #interactive = 0;
  /** In use before a request ended last: an interactive one may take its place even where the limit is lower by now. */
  #wasInUse = 0;
  #paused = false;
  #pauseTimer: NodeJS.Timeout | undefined;
  #round = 0;
  /** The round in which it was lowered here, before the others could agree. */
  #cutIn = -1;
  #lookedAt = 0;
  #refusedInARow = 0;
  #seen = new Tally();

  constructor(options: EndpointLimitOptions) {
    this.#options = options;
    this.#now = options.now ?? Date.now;
    this.#limit = options.bound;
    this.#share = options.bound;
  }

  get limit(): number {
    return this.#limit;
  }

  get inUse(): number {
    return this.#inUse;
  }

  get paused(): boolean {
    return this.#paused;
  }

  /** Requests that are there and could make room for an interactive one. */
  get background(): number {
    return this.#inUse - this.#interactive;
  }

  hasRoom(priority: Priority): boolean {
    if (priority === 'interactive') return this.#inUse < Math.max(this.#limit, this.#wasInUse);
    return !this.#paused && this.#inUse < this.#share;
  }

  /** A request goes out. */
  take(priority: Priority): void {
    this.#inUse += 1;
    if (priority !== 'interactive') return;
    this.#interactive += 1;
    this.#seen.interactive = true;
  }

  /**
   * For a request that has just gone out, to be shown when it has ended: tells the round in which it did, and whether what
   * was too much for the limit had ended by then. Until that the server still has a queue of the round before.
   */
  get ticket(): number {
    return this.#round * 2 + (this.#inUse <= this.#limit ? 1 : 0);
  }

  ended(priority: Priority, ticket: number, end: LimitedEnd): void {
    const seen = this.#seen;
    const round = ticket >> 1;
    const settled = (ticket & 1) === 1;
    const current = round === this.#round;
    let urgent = false;
    switch (end.kind) {
      case 'answered':
        this.#refusedInARow = 0;
        seen.answered += 1;
        if (this.#inUse >= this.#share) {
          seen.answeredInFullUse += 1;
          if (priority !== 'interactive') seen.contended = true;
        }
        if (current && settled && priority === 'interactive' && end.firstChunkMs !== undefined) {
          seen.firstChunks += 1;
          seen.firstChunkSumLogMs += Math.log(Math.max(end.firstChunkMs, 1));
        }
        break;
      case 'refused':
        this.#refusedInARow += 1;
        if (this.#refusedInARow >= TAKES_NOTHING) seen.takesNothing = true;
        seen.retryAfterMs = Math.max(seen.retryAfterMs, end.retryAfterMs ?? -1);
        if (current) seen.refused += 1;
        else if (round === this.#round - 1) seen.refusedOfBefore += 1;
        urgent = true;
        break;
      case 'timeout':
        if (current) seen.timedOut += 1;
        urgent = current;
        break;
      case 'undecided':
        break;
    }
    this.#wasInUse = end.kind === 'refused' ? 0 : this.#inUse;
    this.#inUse -= 1;
    if (priority === 'interactive') this.#interactive -= 1;
    if (this.#sharing) {
      if (urgent && current) this.#cut();
      if (seen.takesNothing) this.#pauseFor(Math.max(seen.retryAfterMs, UNTIL_TOLD_MS));
      return;
    }
    const now = this.#now();
    if (urgent || now - this.#lookedAt >= LOOK_MS) this.#look(now);
  }

  /**
   * Tells the others what was seen here and what is wanted, and takes the share of the limit that is left. `update` changes
   * their common document, as in `LimitExchange`. What was seen is kept when it rejects.
   */
  async exchange(update: Update): Promise<void> {
    const seen = this.#seen;
    this.#seen = new Tally();
    let told: ReturnType<typeof shareLimit> | undefined;
    let skew = 0;
    try {
      await update((document, now) => {
        skew = now - this.#now();
        told = shareLimit(readSharedLimit(document), this.#report(seen), now);
        return told.shared;
      });
    } catch (error) {
      this.#seen.add(seen);
      throw error;
    }
    this.#sharing = true;
    if (told !== undefined) this.#adopt(told, skew);
  }

  /** Gives the share back, for others to have. From then on the limit is this process's own again. */
  async leave(update: Update): Promise<void> {
    if (!this.#sharing) return;
    this.#sharing = false;
    await update((document, now) => withoutMember(readSharedLimit(document) ?? this.#fresh(now), this.#member));
  }

  close(): void {
    clearTimeout(this.#pauseTimer);
  }

  #look(now: number): void {
    this.#lookedAt = now;
    const seen = this.#seen;
    this.#seen = new Tally();
    this.#adopt(shareLimit(this.#known, this.#report(seen), now), 0);
  }

  #report(seen: Tally): Report {
    return {
      member: this.#member,
      bound: this.#options.bound,
      inUse: this.#inUse,
      wanted: this.#inUse + this.#options.waiting(),
      seen: { ...seen.observations(this.#round), interactive: seen.interactive || this.#interactive > 0 },
    };
  }

  #fresh(now: number): SharedLimit {
    return { state: initialLimit(this.#options.bound, now), members: {} };
  }

  #adopt({ shared, decreased }: ReturnType<typeof shareLimit>, skewMs: number): void {
    const { state, members } = shared;
    if (decreased !== undefined) this.decreases[decreased] += 1;
    this.#known = shared;
    const before = this.#share;
    this.#limit = Math.floor(state.limit);
    this.#share = members[this.#member]?.share ?? 0;
    if (state.round !== this.#round) {
      this.#seen.nextRound(state.round === this.#round + 1);
      this.#round = state.round;
    }
    this.#pauseFor(state.pausedUntil - skewMs - this.#now());
    if (this.#share > before && !this.#paused) this.#options.onRoom();
  }

  /** What the others will decide in a moment, for this process at once. */
  #cut(): void {
    if (this.#cutIn === this.#round) return;
    this.#cutIn = this.#round;
    this.#limit = Math.max(1, Math.floor(this.#limit * DECREASE));
    this.#share = Math.floor(this.#share * DECREASE);
  }

  #pauseFor(wanted: number): void {
    const ms = Math.min(wanted, LONGEST_PAUSE_MS);
    clearTimeout(this.#pauseTimer);
    this.#paused = ms > 0;
    if (ms <= 0) return;
    this.#pauseTimer = setTimeout(() => {
      this.#paused = false;
      this.#options.onRoom();
    }, ms);
  }
}
