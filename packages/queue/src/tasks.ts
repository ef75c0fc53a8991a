import type { Job as BullJob } from 'bullmq';
import type { Priority } from '@llm-engine/contracts';
import type { QueueConnection } from './connection.ts';
import { CLASS_BASE } from './priorities.ts';

/**
 * A piece of work whose truth lies elsewhere, in the database: its entry in the queue only says that somebody should look.
 * It may be added again, run again and lost without harm.
 */
export interface Task {
  /** Deterministic: adding a task whose id waits or runs changes nothing. No colons. */
  readonly id: string;
  readonly name: string;
  /** Ids and numbers, never bodies. */
  readonly data: TaskData;
  /** Default `standard`. */
  readonly priority?: Priority;
  /** Place inside its class: lower ones run first. Default 0, at most 600,000. */
  readonly order?: number;
  readonly delayMs?: number;
  /** How long its id stays taken once it is done, in seconds: until then, adding it again changes nothing. Default 0. */
  readonly rememberedS?: number;
}

export type TaskData = Readonly<Record<string, string | number>>;

export type BullTask = BullJob<TaskData, undefined>;

/** The queue of tasks that any worker may run. */
export const MAINTENANCE_QUEUE = 'maintenance';
const BATCH_PREFIX = 'batch.';

/** Chunks of the batches whose model is served by this pool. */
export function batchQueue(pool: string): string {
  return `${BATCH_PREFIX}${pool}`;
}

/** Whether a queue holds tasks, and no jobs. */
export function isTaskQueue(queue: string): boolean {
  return queue === MAINTENANCE_QUEUE || queue.startsWith(BATCH_PREFIX);
}

const MAX_ORDER = 600_000;
const BULK_SIZE = 1_000;

/** Adds tasks to their queues. */
export class TaskSender {
  readonly #connection: QueueConnection;

  constructor(connection: QueueConnection) {
    this.#connection = connection;
  }

  /** Resolves when the tasks are in the queue. */
  async add(queue: string, tasks: readonly Task[]): Promise<void> {
    if (tasks.length === 0) return;
    await this.#connection.registerQueues([queue]);
    const bull = this.#connection.queue(queue);
    for (let start = 0; start < tasks.length; start += BULK_SIZE) {
      await bull.addBulk(
        tasks
          .slice(start, start + BULK_SIZE)
          .map(({ id, name, data, priority = 'standard', order = 0, delayMs, rememberedS }) => ({
            name,
            data,
            opts: {
              jobId: id,
              priority: CLASS_BASE[priority] + Math.min(order, MAX_ORDER),
              removeOnComplete: rememberedS === undefined ? true : { age: rememberedS },
              removeOnFail: true,
              ...(delayMs !== undefined && { delay: delayMs }),
            },
          })),
      );
    }
  }

  /** Which of these ids neither wait nor run. */
  async missing(queue: string, ids: readonly string[]): Promise<string[]> {
    const { redis, keys } = this.#connection;
    const pipeline = redis.pipeline();
    for (const id of ids) pipeline.exists(keys.bullJob(queue, id));
    const replies = (await pipeline.exec()) ?? [];
    return ids.filter((_id, index) => {
      const [error, exists] = replies[index] ?? [];
      if (error != null) throw error;
      return exists !== 1;
    });
  }
}
