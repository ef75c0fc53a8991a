import type { Failure } from './failures.ts';
import type { InferenceEndpoint } from './openai/common.ts';
import type { JobKind, JobTimings, TokenUsage } from './jobs.ts';
import type { Priority } from './priorities.ts';

/** Which job an event is about. */
export interface JobRef {
  readonly jobId: string;
  readonly kind: JobKind;
  readonly queue: string;
  readonly model: string;
  readonly endpoint?: InferenceEndpoint;
}

/** What happens to a job, once for each transition. Logs and metrics are made of these and of nothing else. */
export type JobEvent =
  | (JobRef & { readonly type: 'enqueued'; readonly priority: Priority; readonly delayMs: number })
  | (JobRef & { readonly type: 'started'; readonly attempt: number; readonly run: number; readonly waitMs: number })
  | (JobRef & {
      readonly type: 'completed';
      readonly attempt: number;
      readonly timings: JobTimings;
      readonly e2eMs: number;
      readonly usage?: TokenUsage;
    })
  | (JobRef & {
      readonly type: 'retrying';
      readonly attempt: number;
      readonly error: Failure;
      readonly delayMs: number;
      readonly runMs: number;
    })
  | (JobRef & {
      readonly type: 'failed';
      readonly attempt: number;
      readonly error: Failure;
      readonly runMs: number;
      readonly e2eMs: number;
    })
  | (JobRef & { readonly type: 'cancelled'; readonly runMs: number; readonly e2eMs: number })
  | (JobRef & { readonly type: 'handed-over'; readonly reason: string; readonly runMs: number })
  | (JobRef & { readonly type: 'lease-lost'; readonly runMs: number })
  | { readonly type: 'stalled'; readonly jobId: string; readonly queue: string }
  | { readonly type: 'rejected'; readonly kind: JobKind | 'unknown'; readonly reason: RejectReason }
  | { readonly type: 'trouble'; readonly source: string; readonly error: Error };

/** Why a submission was not accepted. An allow-list, because it is a metric label. */
export const REJECT_REASONS = [
  'invalid_request',
  'model_not_found',
  'idempotency_conflict',
  'queue_unavailable',
  'unauthorized',
  'too_large',
] as const;
export type RejectReason = (typeof REJECT_REASONS)[number];

export type OnJobEvent = (event: JobEvent) => void;
