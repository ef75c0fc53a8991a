import { z } from 'zod';
import { chatCompletionRequest } from './openai/chat.ts';
import { INFERENCE_ENDPOINTS } from './openai/common.ts';
import type { InferenceEndpoint } from './openai/common.ts';
import { completionRequest } from './openai/completions.ts';
import { embeddingRequest } from './openai/embeddings.ts';
import { metadataSchema } from './openai/metadata.ts';
import type { Failure } from './failures.ts';
import { PRIORITIES } from './priorities.ts';
import type { Priority } from './priorities.ts';
import type { JobState, TerminalState } from './states.ts';

export const JOB_KINDS = ['inference', 'fine-tune'] as const;
export type JobKind = (typeof JOB_KINDS)[number];

/** The body schema of each inference endpoint. */
export const REQUEST_SCHEMAS = {
  '/v1/chat/completions': chatCompletionRequest,
  '/v1/completions': completionRequest,
  '/v1/embeddings': embeddingRequest,
} as const satisfies Record<InferenceEndpoint, z.ZodType>;

/** A request body of one of the inference endpoints, unknown fields included. */
export type InferenceBody = { readonly model: string; readonly stream?: boolean | null | undefined } & Readonly<
  Record<string, unknown>
>;

const MAX_DELAY_MS = 30 * 24 * 3_600_000;
const MAX_TIMEOUT_MS = 24 * 3_600_000;

/** What every kind of job may ask for. */
const jobSettings = {
  /** Default `standard`. */
  priority: z.enum(PRIORITIES).optional(),
  /** Wait this long before the job may run, in milliseconds; at most 30 days. */
  delayMs: z.int().nonnegative().max(MAX_DELAY_MS).optional(),
  /** Bound on one attempt, in milliseconds; at most a day. */
  timeoutMs: z.int().positive().max(MAX_TIMEOUT_MS).optional(),
  /** How often the job is tried in all. */
  maxAttempts: z.int().min(1).max(100).optional(),
  /** At most 16 pairs that are kept with the job and returned with it. */
  metadata: metadataSchema.optional(),
  /** The same key with the same payload is the same job for a day; with another payload it is refused. */
  idempotencyKey: z.string().min(1).max(255).optional(),
};

const inferenceSubmission = z
  .strictObject({
    kind: z.literal('inference'),
    endpoint: z.enum(INFERENCE_ENDPOINTS),
    body: z.looseObject({ model: z.string() }),
    ...jobSettings,
  })
  .superRefine(({ endpoint, body }, context) => {
    const parsed = REQUEST_SCHEMAS[endpoint].safeParse(body);
    if (parsed.success) return;
    for (const issue of parsed.error.issues) context.addIssue({ ...issue, path: ['body', ...issue.path] });
  });

/** Hyperparameters stay open: each trainer documents its own beside the common three. */
const fineTuneRequestShape = {
  /** The base model. */
  model: z.string().min(1),
  /** Where the training data lies, as the executor can read it. */
  dataset: z.string().min(1),
  validationDataset: z.string().min(1).optional(),
  /** Where the trained model goes. */
  output: z.string().min(1).optional(),
  suffix: z.string().min(1).max(64).optional(),
  seed: z.int().optional(),
  method: z.enum(['supervised', 'dpo']).optional(),
  hyperparameters: z.record(z.string(), z.union([z.number(), z.string(), z.boolean()])).optional(),
};

const fineTuneSubmission = z.strictObject({ kind: z.literal('fine-tune'), ...fineTuneRequestShape, ...jobSettings });

/** A job as it is submitted, from Node or over HTTP. */
export const jobSubmission = z.discriminatedUnion('kind', [inferenceSubmission, fineTuneSubmission]);

export type JobSubmission = z.infer<typeof jobSubmission>;
export type InferenceSubmission = Extract<JobSubmission, { kind: 'inference' }>;
export type FineTuneSubmission = Extract<JobSubmission, { kind: 'fine-tune' }>;

/** What a fine-tune is asked to do, without how it is queued. */
export type FineTuneRequest = Readonly<z.infer<z.ZodObject<typeof fineTuneRequestShape>>>;

/** What a worker needs to run the job; the data of its queue entry. */
export type JobPayload = InferencePayload | FineTunePayload;

interface PayloadBase {
  readonly timeoutMs?: number;
  readonly metadata?: Readonly<Record<string, string>>;
  readonly priority: Priority;
  /** Whose job it is. One owner until there are tenants. */
  readonly owner: string;
  /** The finished job that this one tries again. */
  readonly retryOf?: string;
  /** Address of the process that waits for the end. */
  readonly replyTo?: string;
}

export interface InferencePayload extends PayloadBase {
  readonly kind: 'inference';
  readonly endpoint: InferenceEndpoint;
  readonly body: InferenceBody;
}

export interface FineTunePayload extends PayloadBase {
  readonly kind: 'fine-tune';
  readonly request: FineTuneRequest;
}

export function modelOf(payload: JobPayload): string {
  return payload.kind === 'inference' ? payload.body.model : payload.request.model;
}

/** Tokens that a job used, as its model server counted them. */
export interface TokenUsage {
  readonly promptTokens: number;
  readonly completionTokens: number;
  readonly totalTokens: number;
}

/** How long parts of the last attempt took, in milliseconds. */
export interface JobTimings {
  /** From the submission, less the intended delay, to the start of the first attempt. */
  readonly waitMs: number;
  readonly runMs: number;
  /** Streaming only: until the model server's first chunk. */
  readonly firstChunkMs?: number;
}

/** A failed attempt, as the dead letters show it. */
export interface AttemptError {
  readonly attempt: number;
  /** Unix milliseconds. */
  readonly at: number;
  readonly error: Failure;
}

/** A job as it stands: the answer of `status()` and of `GET /v1/jobs/{id}`. Times are Unix milliseconds. */
export interface Job {
  readonly id: string;
  readonly kind: JobKind;
  readonly state: JobState;
  readonly queue: string;
  readonly model: string;
  readonly endpoint?: InferenceEndpoint;
  readonly priority: Priority;
  readonly owner: string;
  readonly metadata: Readonly<Record<string, string>>;
  readonly createdAt: number;
  /** When a scheduled job becomes due. */
  readonly scheduledFor?: number;
  readonly startedAt?: number;
  readonly finishedAt?: number;
  /** Attempts that were used up. A hand-over between workers uses none. */
  readonly attempts: number;
  readonly maxAttempts: number;
  readonly usage?: TokenUsage;
  readonly finishReason?: string;
  readonly timings?: JobTimings;
  /** Of a failed job. */
  readonly error?: Failure;
  /** Errors of the attempts before, oldest first. */
  readonly attemptErrors?: readonly AttemptError[];
  readonly retryOf?: string;
}

/** The end of a job, recorded once and never changed; what it produced included. */
export interface JobRecord extends Job {
  readonly state: TerminalState;
  readonly finishedAt: number;
  /** A response body of the job's endpoint, or the outcome of a fine-tune. Only when it succeeded. */
  readonly result?: unknown;
}
