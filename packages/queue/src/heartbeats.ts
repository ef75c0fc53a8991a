import type { WorkerStatus } from '@llm-engine/contracts';
import type { QueueConnection } from './connection.ts';

/** A worker that has not been heard of for this long counts as dead. */
export const WORKER_DEAD_MS = 15_000;
/** Dead workers stay listed this long, so that an operator sees them go. */
const LISTED_MS = 3_600_000;

export interface WorkerSeen extends WorkerStatus {
  readonly alive: boolean;
}

export async function beat({ redis, keys }: QueueConnection, status: WorkerStatus): Promise<void> {
  await redis
    .multi()
    .set(keys.worker(status.id), JSON.stringify(status), 'PX', LISTED_MS)
    .zadd(keys.workers, status.beatAt, status.id)
    .zremrangebyscore(keys.workers, 0, status.beatAt - LISTED_MS)
    .exec();
}

/** A worker that stops says so, and is gone at once. */
export async function retire({ redis, keys }: QueueConnection, workerId: string): Promise<void> {
  await redis.multi().del(keys.worker(workerId)).zrem(keys.workers, workerId).exec();
}

export async function listWorkers({ redis, keys }: QueueConnection, now: number): Promise<WorkerSeen[]> {
  const ids = await redis.zrangebyscore(keys.workers, now - LISTED_MS, '+inf');
  if (ids.length === 0) return [];
  const texts = await redis.mget(...ids.map((id) => keys.worker(id)));
  return texts
    .filter((text) => text !== null)
    .map((text) => JSON.parse(text) as WorkerStatus)
    .map((status) => ({ ...status, alive: now - status.beatAt < WORKER_DEAD_MS }));
}
