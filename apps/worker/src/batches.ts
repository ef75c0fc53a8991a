import { BatchWorker, WebhookSender } from '@llm-engine/batches';
import type { BatchWorkerOptions } from '@llm-engine/batches';
import type { OnBatchEvent, OnJobEvent, StorageSettings, WebhookSettings } from '@llm-engine/contracts';
import type { ExecutorRegistry } from '@llm-engine/executors';
import { MAINTENANCE_QUEUE, PlannedJobs, TaskConsumer, TaskSender, batchQueue } from '@llm-engine/queue';
import type { ModelCatalogue, QueueConnection } from '@llm-engine/queue';
import { BatchTable, ChunkTable, Database, EventTable, FileStore, GroupTable, openObjects } from '@llm-engine/storage';
import { Periodic } from './periodic.ts';

export interface BatchesOptions extends StorageSettings {
  readonly connection: QueueConnection;
  readonly redisUrl: string;
  readonly executors: ExecutorRegistry;
  readonly catalogue: ModelCatalogue;
  readonly pools: readonly string[];
  /** Chunks that run at once, for each pool. */
  readonly chunksAtOnce: number;
  /** Lines of one chunk that run at once. */
  readonly linesAtOnce: number;
  readonly limits?: BatchWorkerOptions['limits'];
  readonly lockMs: number;
  readonly webhook?: WebhookSettings;
  readonly reconcileEveryMs?: number;
  readonly onEvent: OnBatchEvent;
  /** Told of the jobs of groups that it queues and cancels. */
  readonly onJobEvent: OnJobEvent;
  readonly onTrouble: (source: string) => (error: Error) => void;
  /** Gives up waiting for the database. */
  readonly signal?: AbortSignal;
}

export interface RunningBatches extends AsyncDisposable {
  /** They do not take tasks before they are started, and are to be closed before this is disposed. */
  readonly consumers: readonly TaskConsumer[];
}

const MAINTENANCE_AT_ONCE = 4;
const TICK_MS = 5_000;
const TICK_LIMIT_MS = 5_000;

/** Connects to the storage, waiting for it as long as it takes, and makes what runs the tasks of batches. */
export async function prepareBatches(options: BatchesOptions): Promise<RunningBatches> {
  const { connection, redisUrl, executors, catalogue, pools, lockMs, onEvent, onTrouble, signal } = options;
  await using preparing = new AsyncDisposableStack();
  const database = preparing.use(
    await Database.open({
      url: options.databaseUrl,
      connectTimeoutMs: Infinity,
      onTrouble: onTrouble('database'),
      ...(signal && { signal }),
    }),
  );
  const objects = preparing.use(await openObjects(options.storageUrl));
  const events = new EventTable(database);
  const worker = preparing.use(
    new BatchWorker({
      batches: new BatchTable(database),
      chunks: new ChunkTable(database),
      events,
      groups: new GroupTable(database),
      jobs: new PlannedJobs(connection, { onEvent: options.onJobEvent }),
      files: new FileStore(database, objects),
      objects,
      tasks: new TaskSender(connection),
      executors,
      requireModel: (id) => catalogue.require(id),
      onEvent,
      linesAtOnce: options.linesAtOnce,
      ...(options.limits && { limits: options.limits }),
      ...(options.webhook && { webhook: new WebhookSender({ ...options.webhook, events, onEvent }) }),
      ...(options.reconcileEveryMs !== undefined && { reconcileEveryMs: options.reconcileEveryMs }),
    }),
  );
  const ticker = preparing.use(
    new Periodic({
      everyMs: options.reconcileEveryMs ?? TICK_MS,
      limitMs: TICK_LIMIT_MS,
      work: () => worker.tick(),
      onTrouble: onTrouble('reconciler'),
    }),
  );
  await ticker.start();
  const consumer = (queue: string, concurrency: number): TaskConsumer =>
    new TaskConsumer(connection, {
      redisUrl,
      queue,
      concurrency,
      run: worker.run,
      lockMs,
      onTrouble: onTrouble(`tasks of ${queue}`),
    });
  const prepared = preparing.move();
  return {
    consumers: [
      ...(options.chunksAtOnce === 0 ? [] : pools.map((pool) => consumer(batchQueue(pool), options.chunksAtOnce))),
      consumer(MAINTENANCE_QUEUE, MAINTENANCE_AT_ONCE),
    ],
    [Symbol.asyncDispose]: () => prepared.disposeAsync(),
  };
}
