import { EngineError, describeIssue, jobSubmission, modelOf } from '@llm-engine/contracts';
import type { JobEvent, JobPayload, JobSubmission } from '@llm-engine/contracts';
import type { JobsOptions } from 'bullmq';
import type { ModelCatalogue } from './catalogue.ts';
import { FINE_TUNE_QUEUE, inferenceQueue } from './keys.ts';
import { CLASS_BASE } from './priorities.ts';

export const DEFAULT_ATTEMPTS = 3;

/** A submission that was checked and routed: what the queue is given. */
export interface Prepared {
  readonly id: string;
  readonly queue: string;
  readonly payload: JobPayload;
  readonly options: JobsOptions;
}

/** Throws `invalid_request`, which names the field; and which of many jobs it is, from 0, where there is an index. */
export function parseSubmission(submission: unknown, index?: number): JobSubmission {
  const parsed = jobSubmission.safeParse(submission);
  if (parsed.success) return parsed.data;
  const { message, param } = describeIssue(parsed.error);
  throw new EngineError('invalid_request', index === undefined ? message : `Job ${index}: ${message}`, { param });
}

/** The queue of a job, by its model. Throws `model_not_found`, and `invalid_request` for one that cannot be trained. */
export async function queueOf(job: JobSubmission, models: ModelCatalogue): Promise<string> {
  if (job.kind === 'inference') return inferenceQueue((await models.require(job.body.model)).pool);
  const model = await models.require(job.model);
  if (model.trainable) return FINE_TUNE_QUEUE;
  throw new EngineError(
    'invalid_request',
    `The model '${model.id}' cannot be fine-tuned: its executor '${model.executor}' has no trainer.`,
    { param: 'model' },
  );
}

export function prepare(
  job: JobSubmission,
  { id, queue, owner }: { readonly id: string; readonly queue: string; readonly owner: string },
): Prepared {
  const priority = job.priority ?? 'standard';
  const settings = {
    priority,
    owner,
    ...(job.timeoutMs !== undefined && { timeoutMs: job.timeoutMs }),
    ...(job.metadata !== undefined && { metadata: job.metadata }),
  };
  return {
    id,
    queue,
    payload: payloadOf(job, settings),
    options: {
      jobId: id,
      priority: CLASS_BASE[priority],
      attempts: job.maxAttempts ?? DEFAULT_ATTEMPTS,
      backoff: { type: 'custom' },
      ...(job.delayMs !== undefined && job.delayMs > 0 && { delay: job.delayMs }),
    },
  };
}

function payloadOf(
  job: JobSubmission,
  settings: Pick<JobPayload, 'priority' | 'owner' | 'timeoutMs' | 'metadata'>,
): JobPayload {
  if (job.kind === 'inference') return { kind: 'inference', endpoint: job.endpoint, body: job.body, ...settings };
  const {
    kind,
    priority: _p,
    delayMs: _d,
    timeoutMs: _t,
    maxAttempts: _a,
    metadata: _m,
    idempotencyKey: _i,
    ...request
  } = job;
  return { kind, request, ...settings };
}

/** What is told of a job that was added, under this id. */
export function enqueued({ queue, payload, options }: Prepared, jobId: string): JobEvent {
  return {
    type: 'enqueued',
    jobId,
    kind: payload.kind,
    queue,
    model: modelOf(payload),
    ...(payload.kind === 'inference' && { endpoint: payload.endpoint }),
    priority: payload.priority,
    delayMs: options.delay ?? 0,
  };
}

/** BullMQ answers a refused job with a negative number in place of its id, and raises nothing. */
export function requireAccepted(answered: string | undefined, id: string): void {
  if (answered === id) return;
  throw new EngineError('internal_error', `The queue refused the job '${id}' with code ${answered}.`);
}
