import { createHash } from 'node:crypto';
import { EngineError, describeIssue, groupRequest, newId } from '@llm-engine/contracts';
import type { Group, GroupMetric, Job, JobRecord, JobSubmission, Priority } from '@llm-engine/contracts';
import type { GroupRow } from '@llm-engine/storage';
import { retryKey } from '../retry-key.ts';
import { syncGroup } from './sync-group.ts';
import type { GroupSyncTools } from './sync-group.ts';
import { viewGroups } from './view.ts';

export interface GroupsOptions extends GroupSyncTools {
  /** Jobs that could not be queued now: the reconciler queues them later. */
  readonly onTrouble?: (error: Error) => void;
}

/** Many jobs as one. */
export interface GroupSubmission {
  /** 1 to 10,000 of any kind, without idempotency keys of their own. */
  readonly jobs: readonly JobSubmission[];
  /** Of the jobs that have none of their own. Default `standard`. */
  readonly priority?: Priority;
  /** At most 16 pairs that are kept with the group. */
  readonly metadata?: Readonly<Record<string, string>>;
  /** Which result is the best. */
  readonly metric?: GroupMetric;
}

export interface GroupList {
  readonly data: readonly Group[];
  readonly hasMore: boolean;
}

export interface GroupJobList {
  readonly data: readonly (Job | JobRecord)[];
  readonly hasMore: boolean;
}

interface PageOptions {
  /** Id of the last one of the page before. */
  readonly after?: string | undefined;
  /** 1 to 100. Default 20. */
  readonly limit?: number | undefined;
}

interface Extra {
  readonly idempotencyKey?: string;
  readonly retryOf?: string;
}

const MAX_PAGE = 100;
const DEFAULT_PAGE = 20;
/** What ids look like: anything else is not looked for. */
const GROUP_ID = /^group_[0-9a-z]{28}$/;
const JOB_ID = /^job_[0-9a-z]{28}$/;

/**
 * Groups of one owner: many jobs as one, such as a sweep over hyperparameters, or one training for each of several datasets.
 * 1. Makes them: every job is checked before anything is accepted, and in the database before it is queued.
 * 2. Says how they stand: counts, tokens, the best result, the jobs one by one. Ends are kept for as long as the group is.
 * 3. Cancels them as one, and tries again what did not succeed, as a new group.
 */
export class Groups {
  readonly #options: GroupsOptions;

  constructor(options: GroupsOptions) {
    this.#options = options;
  }

  /**
   * Makes a group. With an idempotency key the same request is the same group, and another one is refused as
   * `idempotency_conflict`. Throws `invalid_request` and `model_not_found`, which say which job is meant, from 0.
   */
  async create(
    owner: string,
    request: unknown,
    { idempotencyKey }: { readonly idempotencyKey?: string | undefined } = {},
  ): Promise<Group> {
    return this.#create(owner, request, idempotencyKey === undefined ? {} : { idempotencyKey });
  }

  /** Throws `group_not_found`. */
  async get(owner: string, id: string): Promise<Group> {
    return this.#view(await this.#row(owner, id));
  }

  /** Newest first. */
  async list(owner: string, { after, limit = DEFAULT_PAGE }: PageOptions = {}): Promise<GroupList> {
    requirePage(limit, after, GROUP_ID);
    const { rows, hasMore } = await this.#options.groups.list(owner, { after, limit });
    return { data: await viewGroups(rows, this.#options), hasMore };
  }

  /** The jobs of a group in their order, those that have ended with their results. Throws `group_not_found`. */
  async jobs(owner: string, id: string, { after, limit = DEFAULT_PAGE }: PageOptions = {}): Promise<GroupJobList> {
    requirePage(limit, after, JOB_ID);
    const { groups, jobs } = this.#options;
    await this.#row(owner, id);
    const rows = await groups.jobs(id, { after, limit: limit + 1 });
    const data = await Promise.all(rows.slice(0, limit).map(async (row) => row.record ?? (await jobs.read(row))));
    return { data, hasMore: rows.length > limit };
  }

  /** Ids of its jobs, in their order. Throws `group_not_found`. */
  async jobIds(owner: string, id: string): Promise<string[]> {
    await this.#row(owner, id);
    return this.#options.groups.jobIds(id);
  }

  /** Cancels every job that has not ended; what has ended is kept. Throws `group_not_found`, `group_already_finished`. */
  async cancel(owner: string, id: string): Promise<Group> {
    await this.#row(owner, id);
    const cancelled = await this.#options.groups.cancel(id, new Date());
    if (cancelled === undefined) {
      throw new EngineError(
        'group_already_finished',
        `All jobs of the group '${id}' have ended: none can be cancelled.`,
      );
    }
    return this.#view(cancelled);
  }

  /**
   * Makes a new group of the jobs that failed or were cancelled. Asked twice, it is the same new group. Throws
   * `group_not_found`, `group_not_finished`, and `group_not_retryable` where all jobs succeeded.
   */
  async retry(owner: string, id: string): Promise<Group> {
    const row = await this.#row(owner, id);
    const { finishedAt } = await this.#view(row);
    if (finishedAt === undefined) {
      throw new EngineError('group_not_finished', `Jobs of the group '${id}' still run; wait for them, or cancel it.`);
    }
    const submissions = await this.#options.groups.unsuccessful(id);
    if (submissions.length === 0) {
      throw new EngineError(
        'group_not_retryable',
        `All jobs of the group '${id}' succeeded, so there is nothing to try again.`,
      );
    }
    const request = {
      // A delay was for the first time.
      jobs: submissions.map(({ delayMs: _past, ...submission }) => submission),
      ...(row.metadata !== null && { metadata: row.metadata }),
      ...(row.metric !== null && { metric: row.metric }),
    };
    return this.#create(owner, request, { idempotencyKey: retryKey(id), retryOf: id });
  }

  async #create(owner: string, request: unknown, extra: Extra): Promise<Group> {
    const { groups, jobs, onTrouble } = this.#options;
    const { jobs: submissions, priority, metadata, metric } = parseRequest(request);
    const requestDigest = createHash('sha256').update(JSON.stringify(request)).digest('base64url');
    const { idempotencyKey } = extra;
    const standing = idempotencyKey === undefined ? undefined : await groups.withKey(owner, idempotencyKey);
    if (standing !== undefined) return this.#view(requireSame(standing, requestDigest));

    const createdAt = new Date();
    const planned = await jobs.plan(submissions, { owner, createdAt, ...(priority && { priority }) });
    const id = newId('group_', createdAt.getTime());
    const row = await groups.create(
      { id, owner, createdAt, requestDigest, ...extra, ...(metadata && { metadata }), ...(metric && { metric }) },
      planned.map(({ id: jobId, queue, submission }) => ({ id: jobId, queue, submission })),
    );
    if (row.id !== id) return this.#view(requireSame(row, requestDigest));
    try {
      await jobs.add(planned);
      const [group] = await viewGroups([row], this.#options);
      if (group !== undefined) return group;
    } catch (error) {
      // The group is safe, and the next look adds what is missing. Whoever is told otherwise would make it twice.
      onTrouble?.(error instanceof Error ? error : new Error(String(error)));
    }
    return asAccepted(row);
  }

  /** The group as it stands now. */
  async #view(row: GroupRow): Promise<Group> {
    if (row.finishedAt === null) await syncGroup(row, this.#options);
    const current = row.finishedAt === null ? await this.#options.groups.get(row.owner, row.id) : row;
    const [group] = await viewGroups(current === undefined ? [] : [current], this.#options);
    if (group === undefined) throw notFound(row.id);
    return group;
  }

  async #row(owner: string, id: string): Promise<GroupRow> {
    const row = GROUP_ID.test(id) ? await this.#options.groups.get(owner, id) : undefined;
    if (row === undefined) throw notFound(id);
    return row;
  }
}

function parseRequest(request: unknown) {
  const parsed = groupRequest.safeParse(request);
  if (parsed.success) return parsed.data;
  const { message, param } = describeIssue(parsed.error);
  throw new EngineError('invalid_request', message, { param });
}

function requireSame(row: GroupRow, requestDigest: string): GroupRow {
  if (row.requestDigest === requestDigest) return row;
  throw new EngineError(
    'idempotency_conflict',
    `The idempotency key '${row.idempotencyKey}' stands for the group '${row.id}', which was made by another request. Use a new key.`,
  );
}

function requirePage(limit: number, after: string | undefined, form: RegExp): void {
  if (!Number.isInteger(limit) || limit < 1 || limit > MAX_PAGE) {
    throw new EngineError('invalid_request', `'limit' is a whole number from 1 to ${MAX_PAGE}.`, { param: 'limit' });
  }
  if (after !== undefined && !form.test(after)) {
    throw new EngineError('invalid_request', "'after' is the last id of the page before.", { param: 'after' });
  }
}

function notFound(id: string): EngineError {
  return new EngineError(
    'group_not_found',
    `There is no group '${id.slice(0, 64)}'. List groups to see which there are.`,
    { param: 'id' },
  );
}

/** A group none of whose jobs has run. */
function asAccepted({ id, owner, metadata, metric, total, retryOf, createdAt }: GroupRow): Group {
  return {
    id,
    state: 'running',
    owner,
    metadata: metadata ?? {},
    createdAt: createdAt.getTime(),
    counts: { total, queued: total, scheduled: 0, running: 0, succeeded: 0, failed: 0, cancelled: 0 },
    usage: { promptTokens: 0, completionTokens: 0, totalTokens: 0 },
    ...(metric !== null && { metric }),
    ...(retryOf !== null && { retryOf }),
  };
}
