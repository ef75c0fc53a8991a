import { Batches, Groups } from '@llm-engine/batches';
import { EngineError } from '@llm-engine/contracts';
import type { OnBatchEvent, OnJobEvent, StorageSettings } from '@llm-engine/contracts';
import { PlannedJobs, TaskSender } from '@llm-engine/queue';
import type { QueueConnection } from '@llm-engine/queue';
import { BatchTable, ChunkTable, Database, EventTable, FileStore, GroupTable, openObjects } from '@llm-engine/storage';

export interface StorageOptions extends StorageSettings {
  readonly connection: QueueConnection;
  /** How long the database may take to answer, in milliseconds. */
  readonly connectTimeoutMs: number;
  readonly onEvent: OnBatchEvent;
  readonly onJobEvent: OnJobEvent;
  readonly onTrouble: (error: Error) => void;
}

/** What batches and groups are made of. */
export interface ControllerStorage extends AsyncDisposable {
  readonly files: FileStore;
  readonly batches: Batches;
  readonly groups: Groups;
}

/** Rejects with `storage_unavailable` when the database does not answer in time, and with `invalid_config`. */
export async function openStorage(options: StorageOptions): Promise<ControllerStorage> {
  const { databaseUrl, storageUrl, connection, connectTimeoutMs, onEvent, onJobEvent, onTrouble } = options;
  await using opening = new AsyncDisposableStack();
  const objects = opening.use(await openObjects(storageUrl));
  const database = opening.use(await Database.open({ url: databaseUrl, connectTimeoutMs, onTrouble }));
  const files = new FileStore(database, objects);
  const tasks = new TaskSender(connection);
  const batches = new Batches({
    batches: new BatchTable(database),
    chunks: new ChunkTable(database),
    files,
    objects,
    tasks,
    onTrouble,
  });
  const groups = new Groups({
    groups: new GroupTable(database),
    events: new EventTable(database),
    jobs: new PlannedJobs(connection, { onEvent: onJobEvent }),
    tasks,
    onTrouble,
    onEvent,
  });
  const opened = opening.move();
  return { files, batches, groups, [Symbol.asyncDispose]: () => opened.disposeAsync() };
}

/** Stands in where the controller was given no storage. */
export function noStorage(): EngineError {
  return new EngineError(
    'storage_not_configured',
    'Batches and groups need a database. Give EngineController.connect the storage of the engine: { storage: { databaseUrl, storageUrl } }.',
  );
}
