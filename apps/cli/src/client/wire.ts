import { JOB_STATES } from '@llm-engine/contracts';
import { z } from 'zod';

const seconds = z.number();

const failure = z.looseObject({ code: z.string(), message: z.string() });

/** The fields of a job that commands read. Others pass through to `--json` as they are. Times are Unix seconds. */
export const wireJob = z.looseObject({
  id: z.string(),
  kind: z.string(),
  state: z.enum(JOB_STATES),
  queue: z.string(),
  model: z.string(),
  endpoint: z.string().nullable(),
  priority: z.string(),
  metadata: z.record(z.string(), z.string()),
  created_at: seconds,
  scheduled_for: seconds.nullable(),
  started_at: seconds.nullable(),
  finished_at: seconds.nullable(),
  attempts: z.number(),
  max_attempts: z.number(),
  usage: z.looseObject({ prompt_tokens: z.number(), completion_tokens: z.number() }).nullable(),
  finish_reason: z.string().nullable(),
  timings: z.looseObject({ wait_ms: z.number(), run_ms: z.number(), first_chunk_ms: z.number().nullable() }).nullable(),
  error: failure.nullable(),
  attempt_errors: z.array(z.looseObject({ attempt: z.number(), error: failure })),
  retry_of: z.string().nullable(),
  result: z.unknown().optional(),
});
export type WireJob = Readonly<z.infer<typeof wireJob>>;

export const wireJobPage = z.looseObject({ data: z.array(wireJob), has_more: z.boolean() });
export type WireJobPage = Readonly<z.infer<typeof wireJobPage>>;

/** The answer to a submission. */
export const wireAccepted = z.looseObject({ id: z.string() });
export type WireAccepted = Readonly<z.infer<typeof wireAccepted>>;

export const wireRetried = z.looseObject({ retried: z.number() });

export const wireModels = z.looseObject({
  data: z.array(z.looseObject({ id: z.string(), owned_by: z.string(), created: z.number() })),
});
export type WireModel = Readonly<z.infer<typeof wireModels>['data'][number]>;

/** The failure that an `error` event of a job's stream carries. */
export const wireError = z.looseObject({
  error: z.looseObject({ message: z.string(), code: z.string().nullish() }),
});

export const wireHealth = z.looseObject({
  status: z.enum(['pass', 'warn', 'fail']),
  checks: z.record(
    z.string(),
    z.array(
      z.looseObject({
        status: z.enum(['pass', 'warn', 'fail']),
        componentId: z.string().optional(),
        observedValue: z.union([z.number(), z.string(), z.boolean()]).optional(),
        observedUnit: z.string().optional(),
        output: z.string().optional(),
      }),
    ),
  ),
});
export type WireHealth = Readonly<z.infer<typeof wireHealth>>;
