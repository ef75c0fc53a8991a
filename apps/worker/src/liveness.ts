import type { QueueConnection } from '@llm-engine/queue';
import type { TakesWork } from './takes-work.ts';

/** A consumer that makes no progress for this long, while it should, is stuck: a restart is the cure. */
const STUCK_MS = 120_000;

type Progress = Pick<TakesWork, 'queue' | 'jobs' | 'slots' | 'lastProgressAt'>;

interface LivenessOptions {
  readonly connection: Pick<QueueConnection, 'ready'>;
  readonly consumers: readonly Progress[];
  /** Jobs that wait in a queue; asked only about consumers that have been quiet for long. */
  readonly waiting: (queue: string) => Promise<number>;
  readonly now?: () => number;
}

/**
 * Why this worker should be restarted; undefined while it is alive. It looks at progress, since a worker may answer every
 * ping and yet do nothing: locks are renewed while jobs run, and jobs are taken while some wait and a slot is free.
 * While Redis is out of reach nothing can progress, and a restart would not help.
 */
export async function whyNotAlive({
  connection,
  consumers,
  waiting,
  now = Date.now,
}: LivenessOptions): Promise<string | undefined> {
  if (!connection.ready) return undefined;
  for (const { queue, jobs, slots, lastProgressAt } of consumers) {
    const quietMs = now() - lastProgressAt;
    if (quietMs < STUCK_MS) continue;
    const seconds = Math.round(quietMs / 1_000);
    if (jobs.length > 0) return `${queue}: ${jobs.length} jobs run, and no lock was renewed for ${seconds} s`;
    if (jobs.length < slots && (await waiting(queue)) > 0)
      return `${queue}: jobs wait, and none was taken for ${seconds} s`;
  }
  return undefined;
}
