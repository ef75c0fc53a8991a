import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import type { StorageSettings } from '@llm-engine/contracts';
import { TestDatabase } from './database.ts';

/** Where an engine of a test keeps files and batches: a database and a folder of its own. */
export class TestStorage implements AsyncDisposable {
  readonly settings: StorageSettings;
  readonly #resources: AsyncDisposableStack;

  private constructor(settings: StorageSettings, resources: AsyncDisposableStack) {
    this.settings = settings;
    this.#resources = resources;
  }

  /** `databaseUrl`: on a server that the test stops. */
  static async create({ databaseUrl }: { readonly databaseUrl?: string } = {}): Promise<TestStorage> {
    await using creating = new AsyncDisposableStack();
    const storageUrl = await mkdtemp(join(tmpdir(), 'llm-engine-storage-'));
    creating.defer(() => rm(storageUrl, { recursive: true, force: true }));
    const url = databaseUrl ?? creating.use(await TestDatabase.create()).url;
    return new TestStorage({ databaseUrl: url, storageUrl }, creating.move());
  }

  /** Everything in the folder, what is still being written included. */
  async stored(): Promise<string[]> {
    const { storageUrl } = this.settings;
    const entries = await readdir(storageUrl, { recursive: true, withFileTypes: true });
    return entries
      .filter((entry) => entry.isFile())
      .map((entry) => relative(storageUrl, join(entry.parentPath, entry.name)));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#resources.disposeAsync();
  }
}
