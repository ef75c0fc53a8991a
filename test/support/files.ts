import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { newId } from '@llm-engine/contracts';
import type { BatchStatus } from '@llm-engine/contracts';
import { BatchTable, Database, FileStore, openObjects } from '@llm-engine/storage';
import type { NewFile, ObjectStore } from '@llm-engine/storage';
import { bytes } from '@llm-engine/storage/conformance';
import { TestDatabase } from './database.ts';

/** Whose files they are. */
export const OWNER = 'team-a';

/** Files in a database and a folder of a test's own. */
export class TestFiles implements AsyncDisposable {
  readonly store: FileStore;
  readonly database: Database;
  readonly objects: ObjectStore;
  readonly batches: BatchTable;
  readonly folder: string;
  readonly #resources: AsyncDisposableStack;

  private constructor(database: Database, objects: ObjectStore, folder: string, resources: AsyncDisposableStack) {
    this.database = database;
    this.objects = objects;
    this.folder = folder;
    this.store = new FileStore(database, objects);
    this.batches = new BatchTable(database);
    this.#resources = resources;
  }

  static async start(): Promise<TestFiles> {
    await using resources = new AsyncDisposableStack();
    const parent = await mkdtemp(join(tmpdir(), 'llm-engine-files-'));
    resources.defer(() => rm(parent, { recursive: true, force: true }));
    const folder = join(parent, 'objects');
    const objects = resources.use(await openObjects(folder));
    const own = resources.use(await TestDatabase.create());
    const database = resources.use(await Database.open({ url: own.url }));
    return new TestFiles(database, objects, folder, resources.move());
  }

  async make(content: string, file: Partial<NewFile> = {}): Promise<string> {
    const { id } = await this.store.create({
      owner: OWNER,
      purpose: 'batch',
      filename: 'input.jsonl',
      source: bytes(content),
      ...file,
    });
    return id;
  }

  async batchOf(inputFileId: string, status: BatchStatus = 'validating'): Promise<string> {
    const { id } = await this.batches.create({
      id: newId('batch_'),
      owner: OWNER,
      endpoint: '/v1/chat/completions',
      inputFileId,
      completionWindow: '24h',
      priority: 'bulk',
      createdAt: new Date(),
      expiresAt: inHours(24),
    });
    await this.become(id, status);
    return id;
  }

  async become(batchId: string, status: BatchStatus): Promise<void> {
    await this.database.pool.query('UPDATE batches SET status = $2 WHERE id = $1', [batchId, status]);
  }

  async objectKeys(): Promise<string[]> {
    return (await Array.fromAsync(this.objects.list(''))).map(({ key }) => key);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#resources.disposeAsync();
  }
}

export function inHours(hours: number): Date {
  return new Date(Date.now() + hours * 3_600_000);
}
