import { BatchWorker, Groups } from '@llm-engine/batches';
import type { BatchEvent, Group, ModelInfo } from '@llm-engine/contracts';
import { PlannedJobs, TaskSender } from '@llm-engine/queue';
import { BatchTable, ChunkTable, Database, EventTable, FileStore, GroupTable, openObjects } from '@llm-engine/storage';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { TestDatabase } from './database.ts';
import { TestEngine } from './engine.ts';

export const OWNER = 'default';
const LOOK_MS = 20;
const NEVER = new AbortController().signal;

export interface TestGroupsOptions {
  /** Default: the shared one. */
  readonly redisUrl?: string;
  readonly models?: readonly ModelInfo[];
}

/** An engine with groups, as its front door sees it. Who runs the jobs is up to the test. */
export class TestGroups implements AsyncDisposable {
  readonly engine: TestEngine;
  readonly database: Database;
  readonly table: GroupTable;
  readonly jobs: PlannedJobs;
  readonly groups: Groups;
  /** What groups and their reconciler told. */
  readonly told: BatchEvent[] = [];
  readonly #worker: BatchWorker;
  readonly #resources: AsyncDisposableStack;

  private constructor(
    engine: TestEngine,
    { database, worker, resources }: { database: Database; worker: GroupWorker; resources: AsyncDisposableStack },
  ) {
    this.engine = engine;
    this.database = database;
    this.table = worker.table;
    this.jobs = worker.jobs;
    this.#worker = worker.worker;
    const events = new EventTable(database);
    const tasks = new TaskSender(engine.connection);
    const onEvent = (event: BatchEvent): void => void this.told.push(event);
    this.groups = new Groups({ groups: this.table, events, jobs: this.jobs, tasks, onEvent });
    this.#resources = resources;
  }

  static async start({ redisUrl, models }: TestGroupsOptions = {}): Promise<TestGroups> {
    await using starting = new AsyncDisposableStack();
    const engine = starting.use(await TestEngine.start({ ...(redisUrl && { redisUrl }), ...(models && { models }) }));
    const { url } = starting.use(await TestDatabase.create());
    const database = starting.use(await Database.open({ url }));
    const folder = await mkdtemp(join(tmpdir(), 'llm-engine-objects-'));
    starting.defer(() => rm(folder, { recursive: true, force: true }));
    const objects = starting.use(await openObjects(folder));
    const table = new GroupTable(database);
    const jobs = new PlannedJobs(engine.connection, { onEvent: engine.onEvent });
    const worker = starting.use(
      new BatchWorker({
        batches: new BatchTable(database),
        chunks: new ChunkTable(database),
        events: new EventTable(database),
        groups: table,
        jobs,
        files: new FileStore(database, objects),
        objects,
        tasks: new TaskSender(engine.connection),
        executors: { resolve: () => undefined },
        requireModel: () => Promise.reject(new Error('no model is needed')),
        onEvent: () => undefined,
      }),
    );
    return new TestGroups(engine, { database, worker: { worker, table, jobs }, resources: starting.move() });
  }

  /** One look of the reconciler at everything that has not ended. */
  async reconcile(): Promise<void> {
    await this.#worker.run({ id: 'look', name: 'reconcile', data: { span: 1 }, draining: NEVER, signal: NEVER });
  }

  /** The group as soon as it is so. */
  async until(id: string, isSo: (group: Group) => boolean): Promise<Group> {
    for (;;) {
      const group = await this.groups.get(OWNER, id);
      if (isSo(group)) return group;
      await sleep(LOOK_MS);
    }
  }

  /** The group when all of its jobs have ended. */
  ended(id: string): Promise<Group> {
    return this.until(id, ({ finishedAt }) => finishedAt !== undefined);
  }

  /** Types of the events of a group, oldest first. */
  async eventsOf(id: string): Promise<string[]> {
    return (await new EventTable(this.database).of(id)).map(({ type }) => type);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#resources.disposeAsync();
  }
}

interface GroupWorker {
  readonly worker: BatchWorker;
  readonly table: GroupTable;
  readonly jobs: PlannedJobs;
}
