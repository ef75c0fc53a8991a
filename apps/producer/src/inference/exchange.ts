import { EngineError } from '@llm-engine/contracts';
import type { InferenceSubmission } from '@llm-engine/contracts';
import type { JobHandle, Producer } from '@llm-engine/queue';
import type { FastifyReply } from 'fastify';
import type { InFlight, Wait } from '../in-flight.ts';

export interface InferenceOptions {
  readonly producer: Producer;
  readonly inFlight: InFlight;
  /** How long a request waits for its job, in milliseconds. */
  readonly syncTimeoutMs: number;
  /** An error as the data of an event, once the status of the answer has gone out. */
  readonly errorFrame: (error: unknown) => string;
  /** Told when a job that nobody waits for any more could not be cancelled. */
  readonly onTrouble: (error: unknown) => void;
}

/** One request to an inference endpoint, and the client that waits for its answer. */
export interface Exchange extends InferenceOptions {
  readonly submission: InferenceSubmission;
  readonly reply: FastifyReply;
  readonly wait: Wait;
}

/** Nobody waits for the job any more: it is cancelled, unless a key says that the same request may be sent again. */
export async function abandon({ submission, onTrouble }: Exchange, job: JobHandle): Promise<void> {
  if (submission.idempotencyKey !== undefined) return;
  try {
    await job.cancel();
  } catch (error) {
    if (error instanceof EngineError && error.code === 'job_already_finished') return;
    // Redis is out of reach: the job runs to its end, and nobody reads it.
    onTrouble(error);
  }
}
