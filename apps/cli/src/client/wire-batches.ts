import { BATCH_STATUSES } from '@llm-engine/contracts';
import { z } from 'zod';

const seconds = z.number();
const count = z.number();

const lineError = z.looseObject({
  code: z.string(),
  message: z.string(),
  line: z.number().nullable(),
});

/** The fields of a batch that commands read. Others pass through to `--json` as they are. Times are Unix seconds. */
export const wireBatch = z.looseObject({
  id: z.string(),
  status: z.enum(BATCH_STATUSES),
  endpoint: z.string(),
  model: z.string().nullable(),
  errors: z.looseObject({ data: z.array(lineError) }).nullable(),
  input_file_id: z.string(),
  output_file_id: z.string().nullable(),
  error_file_id: z.string().nullable(),
  completion_window: z.string(),
  created_at: seconds,
  in_progress_at: seconds.nullable(),
  expires_at: seconds,
  completed_at: seconds.nullable(),
  failed_at: seconds.nullable(),
  expired_at: seconds.nullable(),
  cancelled_at: seconds.nullable(),
  request_counts: z.looseObject({ total: count, completed: count, failed: count }),
  usage: z.looseObject({ input_tokens: count, output_tokens: count, total_tokens: count }),
  metadata: z.record(z.string(), z.string()).nullable(),
  priority: z.string(),
  paused_at: seconds.nullable(),
  retry_of: z.string().nullable(),
});
export type WireBatch = Readonly<z.infer<typeof wireBatch>>;

export const wireBatchPage = z.looseObject({ data: z.array(wireBatch), has_more: z.boolean() });

export const wireFile = z.looseObject({
  id: z.string(),
  bytes: count,
  created_at: seconds,
  filename: z.string(),
  purpose: z.string(),
  expires_at: seconds.nullish(),
});
export type WireFile = Readonly<z.infer<typeof wireFile>>;

export const wireFilePage = z.looseObject({ data: z.array(wireFile), has_more: z.boolean() });

export const wireDeleted = z.looseObject({ id: z.string(), deleted: z.boolean() });
export type WireDeleted = Readonly<z.infer<typeof wireDeleted>>;
