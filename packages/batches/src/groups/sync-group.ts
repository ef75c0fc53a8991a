import type { JobRecord, OnBatchEvent } from '@llm-engine/contracts';
import { MAINTENANCE_QUEUE } from '@llm-engine/queue';
import type { PlannedJobs, TaskSender } from '@llm-engine/queue';
import type { EventTable, GroupRow, GroupTable, OpenJob } from '@llm-engine/storage';
import { deliverTask } from '../tasks.ts';
import { scoreOf } from './score.ts';

export interface GroupSyncTools {
  readonly groups: GroupTable;
  readonly events: EventTable;
  readonly jobs: PlannedJobs;
  readonly tasks: Pick<TaskSender, 'add'>;
  readonly onEvent: OnBatchEvent;
}

/** Few, since each of them may have ended with a large result. */
const JOBS_A_LOOK = 100;

/**
 * Brings what the database knows of a group to where its jobs are. Run twice, or twice at once, it does the same.
 * 1. Ends are copied, once.
 * 2. Of a group that is cancelled, the others are cancelled.
 * 3. Jobs that the queue does not know are added: whoever made the group died before, or Redis was flushed.
 * 4. When all have ended, so has the group.
 */
export async function syncGroup(group: GroupRow, tools: GroupSyncTools, signal?: AbortSignal): Promise<void> {
  const { groups, events, tasks, onEvent } = tools;
  for (let after = -1; ;) {
    signal?.throwIfAborted();
    const open = await groups.open(group.id, { after, limit: JOBS_A_LOOK });
    await syncJobs(group, open, tools);
    after = open.at(-1)?.groupIndex ?? after;
    if (open.length < JOBS_A_LOOK) break;
  }
  const ended = await groups.finish(group.id, new Date());
  if (ended?.finishedAt == null) return;
  onEvent({
    type: 'group-ended',
    groupId: group.id,
    state: ended.cancelledAt === null ? 'completed' : 'cancelled',
    jobs: ended.total,
    runMs: ended.finishedAt.getTime() - ended.createdAt.getTime(),
  });
  try {
    const untold = (await events.of(group.id)).filter(({ deliverAt }) => deliverAt !== null);
    await tasks.add(
      MAINTENANCE_QUEUE,
      untold.map(({ id }) => deliverTask(id).task),
    );
  } catch (error) {
    // The group has ended, and its event is due: the reconciler has it told.
    onEvent({
      type: 'trouble',
      source: `telling of the group ${group.id}`,
      error: error instanceof Error ? error : new Error(String(error)),
    });
  }
}

async function syncJobs(group: GroupRow, open: readonly OpenJob[], { groups, jobs }: GroupSyncTools): Promise<void> {
  const { metric, cancelledAt } = group;
  const end = (records: readonly JobRecord[]): Promise<void> =>
    groups.end(records.map((record) => ({ record, score: metric && scoreOf(record.result, metric.name) })));

  const records = await jobs.records(open.map(({ id }) => id));
  await end(records.filter((record) => record !== undefined));
  const left = open.filter((_job, index) => records[index] === undefined);
  if (cancelledAt !== null) {
    await end(await Promise.all(left.map((job) => jobs.cancel(job))));
    return;
  }
  const standings = await jobs.standings(left);
  await jobs.add(left.filter((_job, index) => standings[index] === undefined));
}
