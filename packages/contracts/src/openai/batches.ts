import { z } from 'zod';
import { INFERENCE_ENDPOINTS } from './common.ts';
import type { InferenceEndpoint } from './common.ts';
import { expiresAfter } from './files.ts';
import { metadataSchema } from './metadata.ts';
import { PRIORITIES } from '../priorities.ts';
import type { Priority } from '../priorities.ts';

/** Every status of a batch, by OpenAI's names. The last four are ends. */
export const BATCH_STATUSES = [
  'validating',
  'in_progress',
  'finalizing',
  'cancelling',
  'completed',
  'failed',
  'expired',
  'cancelled',
] as const;
export type BatchStatus = (typeof BATCH_STATUSES)[number];

export const BATCH_ENDS = ['completed', 'failed', 'expired', 'cancelled'] as const satisfies readonly BatchStatus[];
export type BatchEnd = (typeof BATCH_ENDS)[number];

export function isBatchEnd(status: BatchStatus): status is BatchEnd {
  return BATCH_ENDS.some((end) => end === status);
}

const UNIT_SECONDS = { m: 60, h: 3_600, d: 86_400 } as const;
const MIN_WINDOW_S = 60;
const MAX_WINDOW_S = 30 * 86_400;

/** A window such as `24h`, `90m` or `7d`, as seconds; undefined when it is none. */
export function windowSeconds(text: string): number | undefined {
  const [, digits, unit] = /^(\d{1,6})([mhd])$/.exec(text) ?? [];
  if (digits === undefined || unit === undefined) return undefined;
  const seconds = Number(digits) * UNIT_SECONDS[unit as keyof typeof UNIT_SECONDS];
  return seconds >= MIN_WINDOW_S && seconds <= MAX_WINDOW_S ? seconds : undefined;
}

/** `POST /v1/batches`. `priority` is ours. */
export const batchRequest = z.strictObject({
  input_file_id: z.string().min(1, 'must be the id of a file'),
  endpoint: z.enum(INFERENCE_ENDPOINTS),
  completion_window: z
    .string()
    .refine((text) => windowSeconds(text) !== undefined, 'must be a time from 1m to 30d, such as 24h, 90m or 7d'),
  metadata: metadataSchema.nullish(),
  output_expires_after: expiresAfter.nullish(),
  /** Which batches go first. Default `bulk`. */
  priority: z.enum(PRIORITIES).nullish(),
});
export type BatchRequest = z.infer<typeof batchRequest>;

/** What is wrong with an input file, at a line of it (from 1), or as a whole. */
export interface BatchError {
  readonly code: string;
  readonly message: string;
  readonly param: string | null;
  readonly line: number | null;
}

export interface BatchUsage {
  readonly input_tokens: number;
  readonly input_tokens_details: { readonly cached_tokens: number };
  readonly output_tokens: number;
  readonly output_tokens_details: { readonly reasoning_tokens: number };
  readonly total_tokens: number;
}

/** A batch as the API answers it. Times are Unix seconds. The fields after `metadata` are ours. */
export interface OpenAIBatch {
  readonly id: string;
  readonly object: 'batch';
  readonly endpoint: InferenceEndpoint;
  readonly model: string | null;
  readonly errors: { readonly object: 'list'; readonly data: readonly BatchError[] } | null;
  readonly input_file_id: string;
  readonly completion_window: string;
  readonly status: BatchStatus;
  readonly output_file_id: string | null;
  readonly error_file_id: string | null;
  readonly created_at: number;
  readonly in_progress_at: number | null;
  readonly expires_at: number;
  readonly finalizing_at: number | null;
  readonly completed_at: number | null;
  readonly failed_at: number | null;
  readonly expired_at: number | null;
  readonly cancelling_at: number | null;
  readonly cancelled_at: number | null;
  readonly request_counts: { readonly total: number; readonly completed: number; readonly failed: number };
  readonly usage: BatchUsage;
  readonly metadata: Readonly<Record<string, string>> | null;
  readonly priority: Priority;
  /** Since when it takes no new lines; null while it is not paused. */
  readonly paused_at: number | null;
  /** The batch whose failed lines this one tries again. */
  readonly retry_of: string | null;
}
