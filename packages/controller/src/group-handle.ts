import type { Groups } from '@llm-engine/batches';
import type { Group, GroupMetric, Job, JobRecord, Priority } from '@llm-engine/contracts';
import type { JobHandle, Producer } from '@llm-engine/queue';
import type { Asking } from './asking.ts';
import { waitUntil } from './wait-until.ts';
import type { ProgressOptions } from './wait-until.ts';

/** How many jobs are submitted as one; every field may be left out. */
export interface GroupOptions {
  /** Of the jobs that have none of their own. Default `standard`. */
  readonly priority?: Priority;
  /** At most 16 pairs that are kept with the group. */
  readonly metadata?: Readonly<Record<string, string>>;
  /** Which result is the best: a path into the results, such as `metrics.valid_loss`, and where to. */
  readonly metric?: GroupMetric;
  /** The same key with the same jobs is the same group, for ever. */
  readonly idempotencyKey?: string;
}

export interface GroupTools {
  readonly owner: string;
  readonly groups: Groups;
  readonly producer: Producer;
  readonly asking: Asking;
}

const PAGE = 100;

/** Many jobs that were submitted as one. Holds no resource; make as many as you like. */
export class GroupHandle {
  readonly id: string;
  /** Its jobs, in their order. */
  readonly jobs: readonly JobHandle[];
  readonly #tools: GroupTools;

  private constructor(id: string, jobs: readonly JobHandle[], tools: GroupTools) {
    this.id = id;
    this.jobs = jobs;
    this.#tools = tools;
  }

  /** Throws `group_not_found`. */
  static async of(id: string, tools: GroupTools): Promise<GroupHandle> {
    const { owner, groups, producer, asking } = tools;
    const ids = await asking(() => groups.jobIds(owner, id));
    return new GroupHandle(
      id,
      ids.map((jobId) => producer.job(jobId)),
      tools,
    );
  }

  /** Counts, tokens and the best result as they stand. */
  status(): Promise<Group> {
    const { owner, groups, asking } = this.#tools;
    return asking(() => groups.get(owner, this.id));
  }

  /** Waits until all jobs have ended, however they end: look at `counts`. Throws `wait_timeout`. */
  wait(options: ProgressOptions<Group> = {}): Promise<Group> {
    return waitUntil(
      {
        what: `the group '${this.id}'`,
        look: () => this.status(),
        isEnded: ({ finishedAt }) => finishedAt !== undefined,
      },
      options,
    );
  }

  /** The jobs in their order as they stand, those that have ended with their results. */
  async *results(): AsyncGenerator<Job | JobRecord> {
    const { owner, groups, asking } = this.#tools;
    for (let after: string | undefined; ;) {
      const page = await asking(() => groups.jobs(owner, this.id, { after, limit: PAGE }));
      yield* page.data;
      after = page.data.at(-1)?.id;
      if (!page.hasMore) return;
    }
  }

  /** Cancels every job that has not ended. Throws `group_already_finished`. */
  cancel(): Promise<Group> {
    const { owner, groups, asking } = this.#tools;
    return asking(() => groups.cancel(owner, this.id));
  }

  /**
   * Submits the jobs that failed or were cancelled again, as a new group. Asked twice, it is the same new group. Throws
   * `group_not_finished`, and `group_not_retryable` where all jobs succeeded.
   */
  async retry(): Promise<GroupHandle> {
    const { owner, groups, asking } = this.#tools;
    const { id } = await asking(() => groups.retry(owner, this.id));
    return GroupHandle.of(id, this.#tools);
  }
}
