import type { BatchRow } from '@llm-engine/storage';
import { MAINTENANCE_QUEUE, batchQueue } from '@llm-engine/queue';
import type { Task } from '@llm-engine/queue';

/** A task and the queue that it belongs into. */
export interface PlacedTask {
  readonly queue: string;
  readonly task: Task;
}

/** Reads a batch's input and cuts it into chunks. */
export function validateTask(batchId: string): PlacedTask {
  return { queue: MAINTENANCE_QUEUE, task: { id: `validate-${batchId}`, name: 'validate', data: { batchId } } };
}

/** Runs that see the end of their batch record what they have, before it is finalised without them. In milliseconds. */
export const STOP_TIME_MS = 1_500;

/** Makes the files of a batch that has stopped. `delayMs` leaves those who still run its lines time to record them. */
export function finaliseTask(batchId: string, delayMs?: number): PlacedTask {
  const task = { id: `finalise-${batchId}`, name: 'finalise', data: { batchId } };
  return { queue: MAINTENANCE_QUEUE, task: { ...task, ...(delayMs !== undefined && { delayMs }) } };
}

/**
 * Runs a chunk. Chunks wait in the order of their numbers, whichever batch they belong to: a small batch that comes late takes
 * turns with a large one, instead of waiting behind it.
 */
export function chunkTask(
  { id, pool, priority }: Pick<BatchRow, 'id' | 'pool' | 'priority'>,
  number: number,
): PlacedTask {
  if (pool === null) throw new Error(`The batch '${id}' has no pool before it is validated.`);
  return {
    queue: batchQueue(pool),
    task: { id: chunkTaskId(id, number), name: 'chunk', data: { batchId: id, number }, priority, order: number },
  };
}

function chunkTaskId(batchId: string, number: number): string {
  return `${batchId}-${number}`;
}

/** Tells the webhook of an event. Batches go first. */
export function deliverTask(eventId: string): PlacedTask {
  const task = { id: `deliver-${eventId}`, name: 'deliver', data: { eventId }, priority: 'bulk' } as const;
  return { queue: MAINTENANCE_QUEUE, task };
}

/**
 * Looks after everything that has not ended. One for each span of time, whichever workers add it: the id says which span, and
 * is remembered for as long as somebody may add it, so a fleet does the work once; and nothing has to be set up again after
 * Redis was flushed.
 */
export function reconcileTask(everyMs: number, now: number): PlacedTask {
  const span = Math.floor(now / everyMs);
  const rememberedS = Math.ceil((2 * everyMs) / 1_000);
  return {
    queue: MAINTENANCE_QUEUE,
    task: { id: `reconcile-${span}`, name: 'reconcile', data: { span }, rememberedS },
  };
}
