import type { Observations } from './limit-state.ts';

/** Counts what is seen of a server: plain numbers, as they change with every request. */
export class Tally {
  answered = 0;
  answeredInFullUse = 0;
  refused = 0;
  refusedOfBefore = 0;
  timedOut = 0;
  takesNothing = false;
  /** Below 0 where none was named. */
  retryAfterMs = -1;
  firstChunks = 0;
  firstChunkSumLogMs = 0;
  interactive = false;
  contended = false;

  observations(round: number): Observations {
    return {
      round,
      answered: this.answered,
      answeredInFullUse: this.answeredInFullUse,
      refused: this.refused,
      refusedOfBefore: this.refusedOfBefore,
      timedOut: this.timedOut,
      takesNothing: this.takesNothing,
      ...(this.retryAfterMs >= 0 && { retryAfterMs: this.retryAfterMs }),
      firstChunks: { count: this.firstChunks, sumLogMs: this.firstChunkSumLogMs },
      interactive: this.interactive,
      contended: this.contended,
    };
  }

  /** What could not be told after all. */
  add(other: Tally): void {
    this.answered += other.answered;
    this.answeredInFullUse += other.answeredInFullUse;
    this.refused += other.refused;
    this.refusedOfBefore += other.refusedOfBefore;
    this.timedOut += other.timedOut;
    this.takesNothing ||= other.takesNothing;
    this.retryAfterMs = Math.max(this.retryAfterMs, other.retryAfterMs);
    this.firstChunks += other.firstChunks;
    this.firstChunkSumLogMs += other.firstChunkSumLogMs;
    this.interactive ||= other.interactive;
    this.contended ||= other.contended;
  }

  /** The limit was lowered: what was seen in the round before is no evidence against it, except for what was too much then. */
  nextRound(follows: boolean): void {
    this.refusedOfBefore = follows ? this.refused : 0;
    this.refused = 0;
    this.timedOut = 0;
    this.firstChunks = 0;
    this.firstChunkSumLogMs = 0;
  }
}
