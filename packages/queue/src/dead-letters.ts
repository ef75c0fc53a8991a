import { EngineError } from '@llm-engine/contracts';
import type { JobPayload, OnJobEvent } from '@llm-engine/contracts';
import type { QueueConnection } from './connection.ts';
import { JobHandle } from './handle.ts';
import { retryId } from './ids.ts';
import { describe, findLive, readJob, refOf } from './job-reader.ts';
import type { EngineBullJob } from './job-reader.ts';
import { CLASS_BASE } from './priorities.ts';
import { readRecord, readRecords } from './records.ts';

export interface DeadLetterFilter {
  readonly queue?: string;
  readonly model?: string;
  /** Code of the error that the job ended with. */
  readonly code?: string;
}

const PAGE = 500;

/**
 * Tries a failed job again under a new id that derives from the old one: its end stands, and asking twice makes one job.
 * Throws `job_not_found`, or `job_not_retryable` for a job that did not fail.
 */
export async function retryJob(connection: QueueConnection, id: string, onEvent: OnJobEvent): Promise<JobHandle> {
  const job = await readJob(connection, id);
  if (job.state !== 'failed') {
    throw new EngineError(
      'job_not_retryable',
      `The job '${id}' is ${job.state}; only a failed job can be tried again.`,
      {
        param: 'id',
      },
    );
  }
  const live = await findLive(connection, id);
  if (live === undefined) {
    // Already tried again: the dead letter is gone, and its successor is known by its id.
    const successor = retryId(id);
    await readJob(connection, successor);
    return new JobHandle(connection, successor, onEvent);
  }
  return new JobHandle(connection, await revive(connection, live, onEvent), onEvent);
}

/**
 * Tries every dead letter again that matches and was there when this began, the oldest first; resolves with how many. Those
 * that fail again meanwhile are new letters, for another time.
 */
export async function retryDeadLetters(
  connection: QueueConnection,
  filter: DeadLetterFilter,
  onEvent: OnJobEvent,
): Promise<number> {
  const names = (await connection.queueNames()).filter((name) => filter.queue === undefined || name === filter.queue);
  const { redis, keys } = connection;
  // Ids alone, and all at once: positions in a set shift while letters leave it and others come.
  const found = await Promise.all(
    names.map(async (name) => ({ name, ids: await redis.zrange(`${keys.base}:${name}:failed`, '0', '-1') })),
  );
  let retried = 0;
  for (const { name, ids } of found) {
    const queue = connection.queue(name);
    for (let start = 0; start < ids.length; start += PAGE) {
      const page = await Promise.all(
        ids.slice(start, start + PAGE).map((id): Promise<EngineBullJob | undefined> => queue.getJob(id)),
      );
      const letters = page.filter((letter) => letter !== undefined);
      const wanted = await matching(connection, letters, filter);
      await Promise.all(wanted.map((letter) => revive(connection, letter, onEvent)));
      retried += wanted.length;
    }
  }
  return retried;
}

async function matching(
  connection: QueueConnection,
  letters: readonly EngineBullJob[],
  { model, code }: DeadLetterFilter,
): Promise<EngineBullJob[]> {
  const records = await readRecords(
    connection,
    letters.map(({ id }) => id ?? ''),
  );
  return letters.filter((_letter, index) => {
    const record = records[index];
    return (model === undefined || record?.model === model) && (code === undefined || record?.error?.code === code);
  });
}

/**
 * Added first, removed second: dying in between leaves both, and the next try adds nothing. A successor that has already
 * ended is not run again.
 */
async function revive(connection: QueueConnection, letter: EngineBullJob, onEvent: OnJobEvent): Promise<string> {
  const id = letter.id ?? '';
  const successor = retryId(id);
  // Whoever waited for the letter has had their answer.
  const { replyTo: _waited, ...payload } = letter.data;
  const data: JobPayload = { ...payload, retryOf: id };
  const queue = connection.queue(letter.queueName);
  if ((await readRecord(connection, successor)) === undefined) {
    await queue.add(letter.name, data, {
      jobId: successor,
      priority: CLASS_BASE[data.priority],
      attempts: letter.opts.attempts ?? 1,
      backoff: { type: 'custom' },
    });
    const ref = { ...refOf(describe(letter, 'queued')), jobId: successor };
    onEvent({ type: 'enqueued', ...ref, priority: data.priority, delayMs: 0 });
  }
  await queue.remove(id);
  return successor;
}
