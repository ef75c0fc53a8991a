import { z } from 'zod';

/** Decreases whose effect on first chunks is being watched. */
const trial = z.object({
  /** Before the first of them. */
  limit: z.number(),
  rate: z.number(),
  /** Before the last of them. */
  lastLimit: z.number(),
  lastMs: z.number(),
  /** Before those that did not help. */
  helpedUntil: z.number(),
  /** Decreases in a row that did not help. */
  strikes: z.number(),
  /** How long streams take without a queue was not known: it goes down until that helps no more. */
  blind: z.boolean(),
});
export type Trial = Readonly<z.infer<typeof trial>>;

/** How long interactive streams take to begin, and what is being found out about it. */
const firstChunk = z.object({
  /** Without a queue inside the server, in milliseconds; left out until it is known. */
  baseMs: z.number().exactOptional(),
  /** Of the window that is being gathered; the sum is that of the logarithms. */
  count: z.number(),
  sumLogMs: z.number(),
  /** Other requests used all that they were allowed while it was. */
  contended: z.boolean(),
  trial: trial.exactOptional(),
});
export type FirstChunkState = Readonly<z.infer<typeof firstChunk>>;

/** What is known of how many requests a server takes at once. Plain data: processes hand it to one another as JSON. */
export const limitState = z.object({
  /** Requests at once; with its fraction, which grows success by success. At least 1. */
  limit: z.number().min(1),
  /** A limit that proved to be too high, null while none is known: it is come close to quickly, and tried now and then. */
  edge: z.number().nullable(),
  /** Rounds of `limit` successes between two tries at the edge. */
  patience: z.number(),
  /** Counts the decreases, so that what was seen before the last one is not held against the limit again. */
  round: z.number(),
  /** The limit before the last decrease for refusals, and how many were refused of what was sent under it. */
  refused: z.object({ limit: z.number(), count: z.number() }),
  /** Nothing but interactive requests is sent until then. All times are Unix milliseconds. */
  pausedUntil: z.number(),
  /** Pauses since the last success: each without a Retry-After is twice as long as the one before. */
  pauses: z.number(),
  /** When an interactive request was last there. */
  interactiveAt: z.number(),
  /** When it was last looked at. */
  at: z.number(),
  /** Requests that the server ends in a second. */
  rate: z.number(),
  firstChunk,
});
export type LimitState = Readonly<z.infer<typeof limitState>>;

/** What one process has seen of a server since it last told. */
export interface Observations {
  /** The round that it was seen in. */
  readonly round: number;
  /** Requests that were answered, and those of them during which all that was allowed was in use. */
  readonly answered: number;
  readonly answeredInFullUse: number;
  /** Refusals (429, 503) of requests that were sent in this round, and of those that were sent in the one before. */
  readonly refused: number;
  readonly refusedOfBefore: number;
  readonly timedOut: number;
  /** So many refusals came after one another that the server seems to take nothing now. */
  readonly takesNothing: boolean;
  /** The longest Retry-After of the refusals, in milliseconds. */
  readonly retryAfterMs?: number;
  /** Times to the first chunk of interactive streams that were sent in this round: the sum of their logarithms, in milliseconds. */
  readonly firstChunks: { readonly count: number; readonly sumLogMs: number };
  /** An interactive request was there. */
  readonly interactive: boolean;
  /** Other requests used all that they were allowed. */
  readonly contended: boolean;
}
