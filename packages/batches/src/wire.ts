import type { OpenAIBatch } from '@llm-engine/contracts';
import { usageOf } from '@llm-engine/storage';
import type { BatchRow, BatchTally } from '@llm-engine/storage';

const NONE: BatchTally = {
  completed: 0,
  failed: 0,
  usage: usageOf({ input: 0, cached: 0, output: 0, reasoning: 0 }),
};

/** A batch as the API answers it. */
export function toOpenAIBatch(row: BatchRow, { completed, failed, usage }: BatchTally = NONE): OpenAIBatch {
  return {
    id: row.id,
    object: 'batch',
    endpoint: row.endpoint,
    model: row.model,
    errors: row.errors === null ? null : { object: 'list', data: row.errors },
    input_file_id: row.inputFileId,
    completion_window: row.completionWindow,
    status: row.status,
    output_file_id: row.outputFileId,
    error_file_id: row.errorFileId,
    created_at: seconds(row.createdAt),
    in_progress_at: secondsOrNull(row.inProgressAt),
    expires_at: seconds(row.expiresAt),
    finalizing_at: secondsOrNull(row.finalizingAt),
    completed_at: secondsOrNull(row.completedAt),
    failed_at: secondsOrNull(row.failedAt),
    expired_at: secondsOrNull(row.expiredAt),
    cancelling_at: secondsOrNull(row.cancellingAt),
    cancelled_at: secondsOrNull(row.cancelledAt),
    request_counts: { total: row.total, completed, failed },
    usage,
    metadata: row.metadata,
    priority: row.priority,
    paused_at: secondsOrNull(row.pausedAt),
    retry_of: row.retryOf,
  };
}

function seconds(time: Date): number {
  return Math.floor(time.getTime() / 1_000);
}

function secondsOrNull(time: Date | null): number | null {
  return time === null ? null : seconds(time);
}
