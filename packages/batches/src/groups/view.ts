import type { Group, GroupState, JobState } from '@llm-engine/contracts';
import type { PlannedJobs, Standing } from '@llm-engine/queue';
import type { GroupRow, GroupTable, GroupTally } from '@llm-engine/storage';

export interface GroupViewTools {
  readonly groups: GroupTable;
  readonly jobs: Pick<PlannedJobs, 'standings'>;
}

const NOTHING: GroupTally = {
  states: { succeeded: 0, failed: 0, cancelled: 0 },
  usage: { promptTokens: 0, completionTokens: 0, totalTokens: 0 },
};

/** Groups as they stand: ends as the database knows them, and where the other jobs are now. */
export async function viewGroups(rows: readonly GroupRow[], { groups, jobs }: GroupViewTools): Promise<Group[]> {
  const ids = rows.map(({ id }) => id);
  const withGoal = (goal: 'min' | 'max') => rows.filter(({ metric }) => metric?.goal === goal).map(({ id }) => id);
  const places = await groups.openPlaces(rows.filter(({ finishedAt }) => finishedAt === null).map(({ id }) => id));
  const [tallies, lowest, highest, standings] = await Promise.all([
    groups.tallies(ids),
    groups.best(withGoal('min'), 'min'),
    groups.best(withGoal('max'), 'max'),
    jobs.standings(places),
  ]);
  const open = Map.groupBy(
    places.map(({ groupId }, index) => ({ groupId, standing: standings[index] })),
    ({ groupId }) => groupId,
  );
  return rows.map((row) => {
    const { states, usage } = tallies.get(row.id) ?? NOTHING;
    const waiting = countStandings((open.get(row.id) ?? []).map(({ standing }) => standing));
    const best = lowest.get(row.id) ?? highest.get(row.id);
    return {
      id: row.id,
      state: stateOf(row),
      owner: row.owner,
      metadata: row.metadata ?? {},
      createdAt: row.createdAt.getTime(),
      ...(row.cancelledAt !== null && { cancelledAt: row.cancelledAt.getTime() }),
      ...(row.finishedAt !== null && { finishedAt: row.finishedAt.getTime() }),
      counts: { total: row.total, ...waiting, ...states },
      usage,
      ...(row.metric !== null && { metric: row.metric }),
      ...(best !== undefined && { best }),
      ...(row.retryOf !== null && { retryOf: row.retryOf }),
    };
  });
}

/** A job that the queue does not know is about to be added. */
function countStandings(standings: readonly Standing[]): Pick<Record<JobState, number>, NonNullable<Standing>> {
  const counts = { queued: 0, scheduled: 0, running: 0 };
  for (const standing of standings) counts[standing ?? 'queued'] += 1;
  return counts;
}

function stateOf({ cancelledAt, finishedAt }: GroupRow): GroupState {
  if (cancelledAt !== null) return finishedAt === null ? 'cancelling' : 'cancelled';
  return finishedAt === null ? 'running' : 'completed';
}
