import { EngineError } from '@llm-engine/contracts';
import type { JobRecord } from '@llm-engine/contracts';
import type { JobHandle } from '@llm-engine/queue';
import { resultOf } from '../job-result.ts';
import { abandon } from './exchange.ts';
import type { Exchange } from './exchange.ts';
import { refusalOf } from './submission.ts';

/** Answers when the job has ended, with its result or its error. */
export async function answerWhole(exchange: Exchange): Promise<unknown> {
  const { producer, submission, reply, wait, syncTimeoutMs } = exchange;
  let job: JobHandle | undefined;
  const onSubmitted = (id: string): void => {
    job = producer.job(id);
    void reply.header('x-job-id', id);
  };
  let record: JobRecord;
  try {
    record = await producer.run(submission, { timeoutMs: syncTimeoutMs, signal: wait.signal, onSubmitted });
  } catch (error) {
    if (job === undefined) throw refusalOf(error, submission);
    await abandon(exchange, job);
    if (wait.gone) return reply.hijack();
    throw error instanceof EngineError && error.code === 'wait_timeout' ? timedOut(exchange, job) : error;
  }
  return resultOf(record);
}

function timedOut({ submission, syncTimeoutMs }: Exchange, { id }: JobHandle): EngineError {
  const rest =
    submission.idempotencyKey === undefined
      ? 'so it was cancelled. Submit it to /v1/jobs, which waits for as long as it takes.'
      : 'and goes on. Send the same request with the same key again, or look at it under /v1/jobs.';
  return new EngineError('wait_timeout', `The job '${id}' has not ended within ${syncTimeoutMs} ms, ${rest}`);
}
