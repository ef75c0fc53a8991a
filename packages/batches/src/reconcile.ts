import { isBatchEnd } from '@llm-engine/contracts';
import type { TaskSender } from '@llm-engine/queue';
import type { BatchRow, BatchTable, ChunkTable, FileStore, ObjectStore } from '@llm-engine/storage';
import { takesLines } from '@llm-engine/storage';
import { deleteAll } from './finalise.ts';
import type { GroupSyncTools } from './groups/sync-group.ts';
import { syncGroups } from './groups/sync-groups.ts';
import { batchPrefix } from './object-keys.ts';
import { STOP_TIME_MS, chunkTask, deliverTask, finaliseTask, validateTask } from './tasks.ts';
import type { PlacedTask } from './tasks.ts';
import { WEBHOOK_PATIENCE } from './webhooks/patience.ts';
import type { WebhookSender } from './webhooks/webhook-sender.ts';

export interface ReconcileTools extends GroupSyncTools {
  readonly batches: BatchTable;
  readonly chunks: ChunkTable;
  readonly files: FileStore;
  readonly objects: ObjectStore;
  readonly tasks: TaskSender;
  /** Without it nobody is told of events. */
  readonly webhook?: WebhookSender;
}

const PAGE = 100;
const TASKS_A_LOOK = 1_000;
/** What is left over is rare and harms nobody: it is looked for once in so many rounds. */
const SWEEP_EVERY = 360;
/** An object may be ahead of its row: only after this long it belongs to nobody. */
const ORPHAN_AGE_MS = 24 * 3_600_000;

/**
 * Looks after everything that has not ended, whatever happened to its tasks.
 * 1. Batches past their window expire.
 * 2. What should be under way has its task: Redis may have been flushed, or the process died that would have added it.
 * 3. Ends of the jobs of groups are kept, and jobs that Redis has lost are added again.
 * 4. Events that the webhook has not taken are told again.
 * 5. Files whose time is over go; from time to time, also what killed processes have left.
 */
export async function reconcile(span: number, tools: ReconcileTools, signal: AbortSignal): Promise<void> {
  const now = new Date();
  // Each by itself: what is wrong with one keeps no other from its turn.
  const steps = [
    () => expireBatches(tools, now),
    () => ensureBatches(tools, signal),
    () => syncGroups(tools, signal),
    () => ensureDeliveries(tools, now),
    () => tools.files.removeExpired(now),
    () => (span % SWEEP_EVERY === 0 ? sweep(tools, now, signal) : undefined),
  ];
  const troubles: unknown[] = [];
  for (const step of steps) {
    try {
      await step();
    } catch (error) {
      troubles.push(error);
    }
  }
  if (troubles.length > 0) throw troubles[0];
}

async function expireBatches({ batches, tasks }: ReconcileTools, now: Date): Promise<void> {
  const expired = await batches.expire(now);
  await ensure(
    expired.map((id) => finaliseTask(id, STOP_TIME_MS)),
    tasks,
  );
}

async function ensureBatches({ batches, chunks, tasks }: ReconcileTools, signal: AbortSignal): Promise<void> {
  for (let after: string | undefined; ;) {
    signal.throwIfAborted();
    const live = await batches.live({ after, limit: PAGE });
    for (const batch of live) await ensure(await tasksOf(batch, { batches, chunks }), tasks);
    after = live.at(-1)?.id;
    if (live.length < PAGE) return;
  }
}

async function ensureDeliveries({ events, tasks, webhook }: ReconcileTools, now: Date): Promise<void> {
  if (webhook === undefined) {
    // A webhook that is set up soon is still told of them; one that is set up late is not told of everything since the beginning.
    await events.giveUpOlder(new Date(now.getTime() - WEBHOOK_PATIENCE.giveUpMs), 'no webhook was set up');
    return;
  }
  const due = await events.due(now, TASKS_A_LOOK);
  await ensure(due.map(deliverTask), tasks);
}

/** What should be under way for a batch that has not ended. */
async function tasksOf(
  batch: BatchRow,
  { batches, chunks }: Pick<ReconcileTools, 'batches' | 'chunks'>,
): Promise<PlacedTask[]> {
  switch (batch.status) {
    case 'validating':
      return [validateTask(batch.id)];
    case 'in_progress': {
      if (!takesLines(batch)) return [];
      const numbers = await chunks.unsealed(batch.id);
      if (numbers.length > 0) return numbers.map((number) => chunkTask(batch, number));
      await batches.beginFinalizing(batch.id, new Date());
      return [finaliseTask(batch.id)];
    }
    case 'finalizing':
    case 'cancelling':
      return [finaliseTask(batch.id)];
    case 'completed':
    case 'failed':
    case 'expired':
    case 'cancelled':
      return [];
  }
}

/** Adds the tasks that are not there. */
export async function ensure(placed: readonly PlacedTask[], tasks: TaskSender): Promise<void> {
  for (const [queue, members] of Map.groupBy(placed, (one) => one.queue)) {
    for (let start = 0; start < members.length; start += TASKS_A_LOOK) {
      const some = members.slice(start, start + TASKS_A_LOOK).map(({ task }) => task);
      const missing = new Set(
        await tasks.missing(
          queue,
          some.map(({ id }) => id),
        ),
      );
      await tasks.add(
        queue,
        some.filter(({ id }) => missing.has(id)),
      );
    }
  }
}

/** Removes what nobody will ask for: results of killed finalisers and sealers, and bytes of uploads that never got a row. */
async function sweep({ files, objects, batches }: ReconcileTools, now: Date, signal: AbortSignal): Promise<void> {
  await files.removeOrphans(now);
  const before = now.getTime() - ORPHAN_AGE_MS;
  const seen = new Set<string>();
  for await (const { key, modifiedAt } of objects.list('batches/')) {
    signal.throwIfAborted();
    const batchId = key.split('/')[1] ?? '';
    if (seen.has(batchId) || modifiedAt.getTime() > before) continue;
    seen.add(batchId);
    const batch = await batches.get(batchId);
    const live = batch !== undefined && !isBatchEnd(batch.status);
    if (!live) await deleteAll(objects, batchPrefix(batchId));
  }
}
