import type { GroupMetric, JobRecord, TerminalState, TokenUsage } from '@llm-engine/contracts';
import { and, asc, count, desc, eq, gt, inArray, isNull, lt, ne, notExists, sql } from './drizzle-orm.ts';
import type { Database } from './database.ts';
import { recordEvent } from './events.ts';
import { groups, jobs } from './schema.ts';
import type { GroupJobRow, GroupRow } from './schema.ts';

export type NewGroup = Pick<GroupRow, 'id' | 'owner' | 'createdAt'> &
  Partial<Pick<GroupRow, 'metadata' | 'metric' | 'retryOf' | 'idempotencyKey' | 'requestDigest'>>;

export type NewGroupJob = Pick<GroupJobRow, 'id' | 'queue' | 'submission'>;

/** A job of a group that has not ended. */
export type OpenJob = Pick<GroupJobRow, 'id' | 'owner' | 'queue' | 'submission' | 'createdAt'> & {
  readonly groupIndex: number;
};

/** How a job of a group ended. */
export interface GroupJobEnd {
  readonly record: JobRecord;
  /** What the metric of the group says of its result. */
  readonly score: number | null;
}

/** What has become of the jobs of a group so far. */
export interface GroupTally {
  readonly states: Readonly<Record<TerminalState, number>>;
  readonly usage: TokenUsage;
}

export interface BestJob {
  readonly jobId: string;
  readonly index: number;
  readonly value: number;
}

export interface GroupPage {
  readonly rows: readonly GroupRow[];
  readonly hasMore: boolean;
}

const JOBS_AN_INSERT = 1_000;

/** An end that is recorded stays. */
const END = `
UPDATE jobs
SET record = ends.record::json, state = ends.state, prompt_tokens = ends.prompt_tokens,
    completion_tokens = ends.completion_tokens, score = ends.score, finished_at = ends.finished_at
FROM unnest($1::text[], $2::text[], $3::text[], $4::bigint[], $5::bigint[], $6::float8[], $7::timestamptz[])
  AS ends (id, record, state, prompt_tokens, completion_tokens, score, finished_at)
WHERE jobs.id = ends.id AND jobs.finished_at IS NULL`;

/** The rows of groups and of their jobs. */
export class GroupTable {
  readonly #database: Database;

  constructor(database: Database) {
    this.#database = database;
  }

  /** Inserts a group with its jobs; resolves with the one that its idempotency key stands for already, if there is one. */
  async create(group: NewGroup, members: readonly NewGroupJob[]): Promise<GroupRow> {
    const { id, owner, createdAt, idempotencyKey } = group;
    return this.#database.db.transaction(async (tx) => {
      const [created] = await tx
        .insert(groups)
        .values({ ...group, total: members.length })
        .onConflictDoNothing({ target: [groups.owner, groups.idempotencyKey] })
        .returning();
      if (created === undefined) {
        const [standing] = await tx
          .select()
          .from(groups)
          .where(and(eq(groups.owner, owner), eq(groups.idempotencyKey, idempotencyKey ?? '')));
        if (standing === undefined) throw new Error(`The group '${id}' was refused without a conflict.`);
        return standing;
      }
      for (let start = 0; start < members.length; start += JOBS_AN_INSERT) {
        const some = members.slice(start, start + JOBS_AN_INSERT);
        await tx
          .insert(jobs)
          .values(some.map((job, index) => ({ ...job, owner, groupId: id, groupIndex: start + index, createdAt })));
      }
      return created;
    });
  }

  /** Of this owner. */
  async get(owner: string, id: string): Promise<GroupRow | undefined> {
    const [row] = await this.#database.db
      .select()
      .from(groups)
      .where(and(eq(groups.id, id), eq(groups.owner, owner)));
    return row;
  }

  async withKey(owner: string, idempotencyKey: string): Promise<GroupRow | undefined> {
    const [row] = await this.#database.db
      .select()
      .from(groups)
      .where(and(eq(groups.owner, owner), eq(groups.idempotencyKey, idempotencyKey)));
    return row;
  }

  /** Newest first; the next page begins `after` the last id of this one. */
  async list(
    owner: string,
    { after, limit }: { readonly after?: string | undefined; readonly limit: number },
  ): Promise<GroupPage> {
    const rows = await this.#database.db
      .select()
      .from(groups)
      .where(and(eq(groups.owner, owner), after === undefined ? undefined : lt(groups.id, after)))
      .orderBy(desc(groups.id))
      .limit(limit + 1);
    return { rows: rows.slice(0, limit), hasMore: rows.length > limit };
  }

  /** A page of the groups that have jobs which have not ended, oldest first. */
  async unfinished({
    after = '',
    limit,
  }: {
    readonly after?: string | undefined;
    readonly limit: number;
  }): Promise<GroupRow[]> {
    return this.#database.db
      .select()
      .from(groups)
      .where(and(isNull(groups.finishedAt), gt(groups.id, after)))
      .orderBy(asc(groups.id))
      .limit(limit);
  }

  /** Counts and tokens of groups, by id. A group none of whose jobs has ended is missing. */
  async tallies(ids: readonly string[]): Promise<ReadonlyMap<string, GroupTally>> {
    if (ids.length === 0) return new Map();
    const total = (column: 'promptTokens' | 'completionTokens') =>
      sql<number>`sum(${jobs[column]})::bigint`.mapWith(Number);
    const rows = await this.#database.db
      .select({
        groupId: jobs.groupId,
        state: jobs.state,
        jobs: count(),
        prompt: total('promptTokens'),
        completion: total('completionTokens'),
      })
      .from(jobs)
      .where(and(inArray(jobs.groupId, [...ids]), sql`${jobs.state} is not null`))
      .groupBy(jobs.groupId, jobs.state);
    const byGroup = Map.groupBy(rows, ({ groupId }) => groupId ?? '');
    return new Map([...byGroup].map(([id, ends]) => [id, tallyOf(ends)]));
  }

  /** The best results of groups that have this goal, by group id. Of equal ones the first. */
  async best(ids: readonly string[], goal: GroupMetric['goal']): Promise<ReadonlyMap<string, BestJob>> {
    if (ids.length === 0) return new Map();
    const order = goal === 'min' ? asc(jobs.score) : desc(jobs.score);
    const rows = await this.#database.db
      .selectDistinctOn([jobs.groupId], {
        groupId: jobs.groupId,
        id: jobs.id,
        index: jobs.groupIndex,
        score: jobs.score,
      })
      .from(jobs)
      .where(and(inArray(jobs.groupId, [...ids]), sql`${jobs.score} is not null`))
      .orderBy(jobs.groupId, order, asc(jobs.groupIndex));
    return new Map(
      rows.map(({ groupId, id, index, score }) => [groupId ?? '', { jobId: id, index: index ?? 0, value: score ?? 0 }]),
    );
  }

  /** A page of the jobs that have not ended, in their order; the next one begins `after` the last place of this one. */
  async open(
    groupId: string,
    { after = -1, limit }: { readonly after?: number; readonly limit: number },
  ): Promise<OpenJob[]> {
    const rows = await this.#database.db
      .select({
        id: jobs.id,
        owner: jobs.owner,
        queue: jobs.queue,
        submission: jobs.submission,
        createdAt: jobs.createdAt,
        groupIndex: jobs.groupIndex,
      })
      .from(jobs)
      .where(and(eq(jobs.groupId, groupId), isNull(jobs.finishedAt), gt(jobs.groupIndex, after)))
      .orderBy(asc(jobs.groupIndex))
      .limit(limit);
    return rows.map((row) => ({ ...row, groupIndex: row.groupIndex ?? 0 }));
  }

  /** Where the jobs wait that have not ended, of several groups. */
  async openPlaces(groupIds: readonly string[]): Promise<{ groupId: string; id: string; queue: string }[]> {
    if (groupIds.length === 0) return [];
    const rows = await this.#database.db
      .select({ groupId: jobs.groupId, id: jobs.id, queue: jobs.queue })
      .from(jobs)
      .where(and(inArray(jobs.groupId, [...groupIds]), isNull(jobs.finishedAt)));
    return rows.map((row) => ({ ...row, groupId: row.groupId ?? '' }));
  }

  /** Records how jobs ended. One that has an end keeps it. */
  async end(ends: readonly GroupJobEnd[]): Promise<void> {
    if (ends.length === 0) return;
    const records = ends.map(({ record }) => record);
    await this.#database.pool.query({
      name: 'end-group-jobs',
      text: END,
      values: [
        records.map(({ id }) => id),
        records.map((record) => JSON.stringify(record)),
        records.map(({ state }) => state),
        records.map(({ usage }) => usage?.promptTokens ?? 0),
        records.map(({ usage }) => usage?.completionTokens ?? 0),
        ends.map(({ score }) => score),
        records.map(({ finishedAt }) => new Date(finishedAt)),
      ],
    });
  }

  /** Its jobs are to be cancelled from now on. Undefined when all of them have ended. */
  async cancel(id: string, now: Date): Promise<GroupRow | undefined> {
    const [row] = await this.#database.db
      .update(groups)
      .set({ cancelledAt: sql`coalesce(${groups.cancelledAt}, ${now.toISOString()}::timestamptz)` })
      .where(and(eq(groups.id, id), isNull(groups.finishedAt)))
      .returning();
    return row;
  }

  /** Ends a group all of whose jobs have ended. Undefined when one has not, or the group has ended before. */
  async finish(id: string, now: Date): Promise<GroupRow | undefined> {
    return this.#database.db.transaction(async (tx) => {
      const open = tx
        .select({ id: jobs.id })
        .from(jobs)
        .where(and(eq(jobs.groupId, id), isNull(jobs.finishedAt)));
      const [row] = await tx
        .update(groups)
        .set({ finishedAt: now })
        .where(and(eq(groups.id, id), isNull(groups.finishedAt), notExists(open)))
        .returning();
      if (row === undefined) return undefined;
      const type = row.cancelledAt === null ? 'group.completed' : 'group.cancelled';
      await recordEvent(tx, { type, subject: id, owner: row.owner, at: now });
      return row;
    });
  }

  /** A page of the jobs, in their order; the next one begins `after` the last id of this one. */
  async jobs(
    groupId: string,
    { after, limit }: { readonly after?: string | undefined; readonly limit: number },
  ): Promise<GroupJobRow[]> {
    const place = this.#database.db
      .select({ index: jobs.groupIndex })
      .from(jobs)
      .where(and(eq(jobs.groupId, groupId), eq(jobs.id, after ?? '')));
    return this.#database.db
      .select()
      .from(jobs)
      .where(and(eq(jobs.groupId, groupId), after === undefined ? undefined : gt(jobs.groupIndex, place)))
      .orderBy(asc(jobs.groupIndex))
      .limit(limit);
  }

  /** Ids of all its jobs, in their order. */
  async jobIds(groupId: string): Promise<string[]> {
    const rows = await this.#database.db
      .select({ id: jobs.id })
      .from(jobs)
      .where(eq(jobs.groupId, groupId))
      .orderBy(asc(jobs.groupIndex));
    return rows.map(({ id }) => id);
  }

  /** What was asked of the jobs that ended without success, in their order. */
  async unsuccessful(groupId: string): Promise<GroupJobRow['submission'][]> {
    const rows = await this.#database.db
      .select({ submission: jobs.submission })
      .from(jobs)
      .where(and(eq(jobs.groupId, groupId), ne(jobs.state, 'succeeded')))
      .orderBy(asc(jobs.groupIndex));
    return rows.map(({ submission }) => submission);
  }
}

function tallyOf(
  ends: readonly {
    readonly state: TerminalState | null;
    readonly jobs: number;
    readonly prompt: number;
    readonly completion: number;
  }[],
): GroupTally {
  const states = { succeeded: 0, failed: 0, cancelled: 0 };
  let promptTokens = 0;
  let completionTokens = 0;
  for (const { state, jobs: members, prompt, completion } of ends) {
    if (state !== null) states[state] += members;
    promptTokens += prompt;
    completionTokens += completion;
  }
  return { states, usage: { promptTokens, completionTokens, totalTokens: promptTokens + completionTokens } };
}
