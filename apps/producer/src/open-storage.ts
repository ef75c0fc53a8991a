import { setTimeout as sleep } from 'node:timers/promises';
import { Batches, Groups } from '@llm-engine/batches';
import { EngineError } from '@llm-engine/contracts';
import type { OnBatchEvent, OnJobEvent, StorageSettings } from '@llm-engine/contracts';
import { PlannedJobs, TaskSender } from '@llm-engine/queue';
import type { QueueConnection } from '@llm-engine/queue';
import {
  BatchTable,
  ChunkTable,
  Database,
  EventTable,
  FileStore,
  GroupTable,
  isStorageOutage,
  openObjects,
} from '@llm-engine/storage';

export interface StorageOptions extends StorageSettings {
  readonly connection: QueueConnection;
  /** Largest input file of a batch, in bytes. */
  readonly maxInputBytes: number;
  readonly onTrouble: (error: Error) => void;
  /** Told of the ends of groups that are noticed here. */
  readonly onEvent: OnBatchEvent;
  /** Told of the jobs of groups that are queued and cancelled here. */
  readonly onJobEvent: OnJobEvent;
}

/** What files, batches and groups are made of, while it can be reached. */
export interface Stored {
  readonly files: FileStore;
  readonly batches: Batches;
  readonly groups: Groups;
}

/** Throws `storage_not_configured`, `storage_unavailable`. */
export type RequireStorage = () => Stored;

/** How long a start waits for the storage, so that the first request finds it. */
const CONNECT_PATIENCE_MS = 1_000;
/** How long one attempt lasts; between two, what is wrong is told. */
const ATTEMPT_MS = 10_000;
const RETRY_MS = 1_000;
/** Probes are asked with little patience. */
const CHECK_MS = 500;

/**
 * A producer's way to the storage.
 * 1. Connects in the background, for as long as it takes: a producer starts, and serves what needs no storage, without it.
 * 2. Until then, whatever needs it throws `storage_unavailable`. Later outages come out of what is asked of files and batches.
 */
export class ProducerStorage implements AsyncDisposable {
  readonly #options: StorageOptions;
  readonly #stop = new AbortController();
  /** Resolves when the first attempt has succeeded, or has been refused. */
  readonly #known = Promise.withResolvers<void>();
  readonly #connecting: Promise<void>;
  #resources = new AsyncDisposableStack();
  #database: Database | undefined;
  #stored: Stored | undefined;
  #refusal: Error | undefined;

  private constructor(options: StorageOptions) {
    this.#options = options;
    this.#connecting = this.#connect();
  }

  /** Rejects with `invalid_config` when the storage can be reached, but not be used with these settings. */
  static async open(options: StorageOptions): Promise<ProducerStorage> {
    const storage = new ProducerStorage(options);
    await Promise.race([storage.#known.promise, sleep(CONNECT_PATIENCE_MS, undefined, { ref: false })]);
    if (storage.#refusal === undefined) return storage;
    await storage[Symbol.asyncDispose]();
    throw storage.#refusal;
  }

  readonly require: RequireStorage = () => {
    if (this.#stored !== undefined) return this.#stored;
    throw unavailable();
  };

  /** Whether the database answers now. For a probe. */
  async reachable(): Promise<boolean> {
    if (this.#database === undefined) return false;
    try {
      await this.#database.check(AbortSignal.timeout(CHECK_MS));
      return true;
    } catch {
      // Why not comes out of whatever is asked of it.
      return false;
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort();
    await this.#connecting;
    await this.#resources.disposeAsync();
  }

  async #connect(): Promise<void> {
    const { signal } = this.#stop;
    while (!signal.aborted) {
      try {
        await this.#open();
        this.#known.resolve();
        return;
      } catch (error) {
        if (signal.aborted) return;
        const trouble = error instanceof Error ? error : new Error(String(error));
        if (!isStorageOutage(error)) {
          this.#refusal ??= trouble;
          this.#known.resolve();
        }
        this.#options.onTrouble(trouble);
      }
      // Rejects only when it is aborted, which the loop sees.
      await sleep(RETRY_MS * (0.5 + Math.random()), undefined, { signal }).catch(() => undefined);
    }
  }

  async #open(): Promise<void> {
    const { databaseUrl, storageUrl, connection, maxInputBytes, onTrouble, onEvent, onJobEvent } = this.#options;
    await using opening = new AsyncDisposableStack();
    const objects = opening.use(await openObjects(storageUrl));
    const database = opening.use(
      await Database.open({
        url: databaseUrl,
        connectTimeoutMs: ATTEMPT_MS,
        signal: this.#stop.signal,
        onTrouble,
      }),
    );
    const files = new FileStore(database, objects);
    const tasks = new TaskSender(connection);
    const batches = new Batches({
      batches: new BatchTable(database),
      chunks: new ChunkTable(database),
      files,
      objects,
      tasks,
      maxInputBytes,
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
    this.#resources = opening.move();
    this.#database = database;
    this.#stored = { files, batches, groups };
  }
}

/** What a caller is told of an outage. Where the storage is, and what is wrong with it, is for the operator only. */
export function unavailable(cause?: unknown): EngineError {
  return new EngineError(
    'storage_unavailable',
    'The storage of files and batches cannot be used now. What was asked for may have been done: look, or try again shortly.',
    { retryAfterMs: RETRY_MS, cause },
  );
}

/** Stands in where there is no storage. */
export function noStorage(): never {
  throw new EngineError(
    'storage_not_configured',
    'This engine keeps no files, batches and groups. Set DATABASE_URL and STORAGE_URL where it is started.',
  );
}
