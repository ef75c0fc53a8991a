import type { Failure } from './failures.ts';
import type { TokenUsage } from './jobs.ts';

/** How one run of a job ended. Expected ends are values; only a defect throws. */
export type Outcome =
  | Completed
  /** The attempt failed; the queue decides whether another one is left. */
  | { readonly kind: 'failed'; readonly failure: Failure }
  /** The job had ended before this run began, by an earlier run or a cancellation: that end stands. */
  | { readonly kind: 'ended-before' }
  /** Somebody asked for the job to stop. */
  | { readonly kind: 'cancelled' }
  /** The run ended, the job did not: back into the queue, no attempt used. */
  | { readonly kind: 'handed-over'; readonly reason: string; readonly delayMs: number }
  /** The lock is gone, so the job belongs to somebody else: write nothing. */
  | { readonly kind: 'lease-lost' };

export interface Completed {
  readonly kind: 'completed';
  readonly result: unknown;
  readonly usage?: TokenUsage;
  readonly finishReason?: string;
  /** Streaming only: milliseconds from the request to the first chunk. */
  readonly firstChunkMs?: number;
}

/** Why a run was told to stop, as the `reason` of its AbortSignal. */
const STOP_REASONS = ['cancelled', 'shutdown', 'lock-lost', 'timeout'] as const;
export type StopReason = (typeof STOP_REASONS)[number];

/** Why the signal aborted; undefined while it has not. A reason that is not ours counts as a cancellation. */
export function stopReason(signal: AbortSignal): StopReason | undefined {
  if (!signal.aborted) return undefined;
  return STOP_REASONS.find((known) => known === signal.reason) ?? 'cancelled';
}
