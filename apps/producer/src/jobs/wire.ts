import { EngineError, JOB_KINDS, JOB_STATES, PRIORITIES } from '@llm-engine/contracts';
import type { Failure, Job, JobSubmission } from '@llm-engine/contracts';
import { z } from 'zod';

/** Names of submitted fields over HTTP, where they differ from those in Node. */
export const WIRE_NAMES = {
  delay_ms: 'delayMs',
  timeout_ms: 'timeoutMs',
  max_attempts: 'maxAttempts',
  idempotency_key: 'idempotencyKey',
  validation_dataset: 'validationDataset',
} as const;

const CORE_NAMES = new Map<string, string>(Object.entries(WIRE_NAMES).map(([wire, core]) => [core, wire]));

const failure = z.object({
  class: z.string().describe('What kind of failure it was.'),
  status: z.int(),
  code: z.string(),
  type: z.string(),
  message: z.string(),
  param: z.string().nullable(),
});

const seconds = z.number().describe('Unix seconds; milliseconds are the fraction.');

/** A job as `GET /v1/jobs/{id}` answers it. */
export const wireJob = z.object({
  id: z.string(),
  object: z.literal('job'),
  kind: z.enum(JOB_KINDS),
  state: z.enum(JOB_STATES),
  queue: z.string(),
  model: z.string(),
  endpoint: z.string().nullable(),
  priority: z.enum(PRIORITIES),
  metadata: z.record(z.string(), z.string()),
  created_at: seconds,
  scheduled_for: seconds.nullable(),
  started_at: seconds.nullable(),
  finished_at: seconds.nullable(),
  attempts: z.int().describe('Attempts that were used up.'),
  max_attempts: z.int(),
  usage: z.object({ prompt_tokens: z.int(), completion_tokens: z.int(), total_tokens: z.int() }).nullable(),
  finish_reason: z.string().nullable(),
  timings: z.object({ wait_ms: z.number(), run_ms: z.number(), first_chunk_ms: z.number().nullable() }).nullable(),
  error: failure.nullable(),
  attempt_errors: z.array(z.object({ attempt: z.int(), at: seconds, error: failure })),
  retry_of: z.string().nullable().describe('The failed job that this one tries again.'),
  result: z.unknown().optional().describe("A response body of the job's endpoint. Only of a job that succeeded."),
});
export type WireJob = z.infer<typeof wireJob>;

export function toWire(job: Job & { readonly result?: unknown }): WireJob {
  const { usage, timings } = job;
  return {
    id: job.id,
    object: 'job',
    kind: job.kind,
    state: job.state,
    queue: job.queue,
    model: job.model,
    endpoint: job.endpoint ?? null,
    priority: job.priority,
    metadata: job.metadata,
    created_at: job.createdAt / 1_000,
    scheduled_for: toSeconds(job.scheduledFor),
    started_at: toSeconds(job.startedAt),
    finished_at: toSeconds(job.finishedAt),
    attempts: job.attempts,
    max_attempts: job.maxAttempts,
    usage: usage
      ? {
          prompt_tokens: usage.promptTokens,
          completion_tokens: usage.completionTokens,
          total_tokens: usage.totalTokens,
        }
      : null,
    finish_reason: job.finishReason ?? null,
    timings: timings
      ? { wait_ms: timings.waitMs, run_ms: timings.runMs, first_chunk_ms: timings.firstChunkMs ?? null }
      : null,
    error: job.error ? toWireFailure(job.error) : null,
    attempt_errors: (job.attemptErrors ?? []).map(({ attempt, at, error }) => ({
      attempt,
      at: at / 1_000,
      error: toWireFailure(error),
    })),
    retry_of: job.retryOf ?? null,
    ...(job.result !== undefined && { result: job.result }),
  };
}

export function withoutResult(job: Job & { readonly result?: unknown }): Job {
  const { result: _result, ...rest } = job;
  return rest;
}

function toSeconds(ms: number | undefined): number | null {
  return ms === undefined ? null : ms / 1_000;
}

function toWireFailure({ class: failureClass, status, code, type, message, param }: Failure): z.infer<typeof failure> {
  return { class: failureClass, status, code, type, message, param };
}

/** A submitted job with its fields renamed. The queue's producer checks it, so whatever it is goes through here. */
export function fromWire(submitted: unknown): JobSubmission {
  const renamed: unknown = isObject(submitted) ? rename(submitted) : submitted;
  return renamed as JobSubmission;
}

function rename(submitted: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(submitted).map(([name, value]) => {
      const meant = CORE_NAMES.get(name);
      if (meant === undefined)
        return [Object.hasOwn(WIRE_NAMES, name) ? WIRE_NAMES[name as keyof typeof WIRE_NAMES] : name, value];
      throw new EngineError('invalid_request', `There is no field '${name}'; did you mean '${meant}'?`, {
        param: name,
      });
    }),
  );
}

/** Names fields as the caller does. */
export function toWireError(error: unknown): unknown {
  if (!(error instanceof EngineError) || error.code !== 'invalid_request') return error;
  const { param } = error;
  const message = error.message.replace(/'(\w+)'/g, (quoted, name: string) => quote(CORE_NAMES.get(name)) ?? quoted);
  return new EngineError('invalid_request', message, {
    param: param === null ? null : (CORE_NAMES.get(param) ?? param),
    cause: error,
  });
}

function quote(name: string | undefined): string | undefined {
  return name === undefined ? undefined : `'${name}'`;
}

export function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
