import { EngineError, isTerminal } from '@llm-engine/contracts';
import type { Job, JobRecord, OnJobEvent } from '@llm-engine/contracts';
import type { QueueConnection } from './connection.ts';
import { findLive, readJob, refOf } from './job-reader.ts';
import { finish } from './records.ts';

/**
 * Cancels a job that has not ended, wherever it is. Throws `job_not_found` or `job_already_finished`.
 *
 * The record comes first: from then on the job is cancelled, whatever is killed. Taking it out of its queue, or telling the
 * worker that runs it, only saves work; a worker that heard nothing finds the record by itself.
 */
export async function cancelJob(connection: QueueConnection, id: string, onEvent: OnJobEvent): Promise<JobRecord> {
  const job = await readJob(connection, id);
  if (isTerminal(job.state)) {
    // Whoever cancelled it may have died before it was out of its queue.
    if (job.state === 'cancelled') await connection.queue(job.queue).remove(id);
    throw alreadyFinished(id, job.state);
  }
  const live = await findLive(connection, id);
  const record = await endAsCancelled(connection, job, { replyTo: live?.data.replyTo, onEvent });
  if (record !== undefined) return record;
  const ended = await readJob(connection, id);
  throw alreadyFinished(id, ended.state);
}

/** The same for a job of which it is known how it stands. Undefined when it has ended meanwhile. */
export async function endAsCancelled(
  connection: QueueConnection,
  job: Job,
  { replyTo, onEvent }: { readonly replyTo?: string | undefined; readonly onEvent: OnJobEvent },
): Promise<JobRecord | undefined> {
  const record: JobRecord = { ...job, state: 'cancelled', finishedAt: Date.now() };
  if (!(await finish(connection, record, { replyTo }))) return undefined;
  await connection.redis.publish(connection.keys.cancelChannel, job.id);
  const removed = await connection.queue(job.queue).remove(job.id);
  // A job that runs is its worker's to report.
  if (removed === 1) onEvent({ type: 'cancelled', ...refOf(job), runMs: 0, e2eMs: record.finishedAt - job.createdAt });
  return record;
}

function alreadyFinished(id: string, state: string): EngineError {
  return new EngineError(
    'job_already_finished',
    `The job '${id}' has already ${endedAs(state)}; only a job that has not ended can be cancelled.`,
    {
      param: 'id',
    },
  );
}

function endedAs(state: string): string {
  return state === 'cancelled' ? 'been cancelled' : state;
}
