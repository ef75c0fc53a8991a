import { EngineError } from '@llm-engine/contracts';
import { isOutage } from '@llm-engine/queue';
import { isStorageOutage } from '@llm-engine/storage';
import { syncGroup } from './sync-group.ts';
import type { GroupSyncTools } from './sync-group.ts';

const GROUPS_A_LOOK = 100;

/** Brings every group that has not finished to where its jobs are. One with which something is wrong does not hold up the others. */
export async function syncGroups(tools: GroupSyncTools, signal: AbortSignal): Promise<void> {
  for (let after: string | undefined; ;) {
    const page = await tools.groups.unfinished({ after, limit: GROUPS_A_LOOK });
    for (const group of page) {
      try {
        await syncGroup(group, tools, signal);
      } catch (error) {
        signal.throwIfAborted();
        if (isAway(error)) throw error;
        const cause = error instanceof Error ? error : new Error(String(error));
        tools.onEvent({ type: 'trouble', source: `looking at the group ${group.id}`, error: cause });
      }
    }
    after = page.at(-1)?.id;
    if (page.length < GROUPS_A_LOOK) return;
  }
}

/** Whether Redis or the database cannot be reached: that goes for every group. */
function isAway(error: unknown): boolean {
  if (isStorageOutage(error)) return true;
  return error instanceof EngineError ? error.code === 'queue_unavailable' : isOutage(error);
}
