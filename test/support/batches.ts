import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';
import { Batches } from '@llm-engine/batches';
import { isBatchEnd } from '@llm-engine/contracts';
import type { ModelInfo, OpenAIBatch, StorageSettings } from '@llm-engine/contracts';
import { TaskSender } from '@llm-engine/queue';
import { BatchTable, ChunkTable, Database, FileStore, openObjects } from '@llm-engine/storage';
import type { ObjectStore } from '@llm-engine/storage';
import { TestDatabase } from './database.ts';
import { TestEngine } from './engine.ts';

const OWNER = 'default';
const LOOK_MS = 20;

/** A line of an output or error file. */
export interface ResultLine {
  readonly id: string;
  readonly custom_id: string;
  readonly response: {
    readonly status_code: number;
    readonly request_id: string;
    readonly body: Record<string, unknown>;
  } | null;
  readonly error: { readonly code: string; readonly message: string } | null;
}

export interface TestBatchesOptions {
  readonly redisUrl?: string;
  /** Default: a database of its own on the shared server. */
  readonly databaseUrl?: string;
  readonly models?: readonly ModelInfo[];
}

/** An engine with storage of its own, as the front door sees it. Workers are started by the test. */
export class TestBatches implements AsyncDisposable {
  readonly engine: TestEngine;
  /** For workers of this engine. */
  readonly storage: StorageSettings;
  readonly database: Database;
  readonly objects: ObjectStore;
  readonly files: FileStore;
  readonly table: BatchTable;
  readonly chunks: ChunkTable;
  readonly batches: Batches;
  readonly #resources: AsyncDisposableStack;

  private constructor(
    engine: TestEngine,
    storage: StorageSettings,
    { database, objects, resources }: { database: Database; objects: ObjectStore; resources: AsyncDisposableStack },
  ) {
    this.engine = engine;
    this.storage = storage;
    this.database = database;
    this.objects = objects;
    this.files = new FileStore(database, objects);
    this.table = new BatchTable(database);
    this.chunks = new ChunkTable(database);
    this.batches = new Batches({
      batches: this.table,
      chunks: this.chunks,
      files: this.files,
      objects,
      tasks: new TaskSender(engine.connection),
    });
    this.#resources = resources;
  }

  static async start({ redisUrl, databaseUrl, models }: TestBatchesOptions = {}): Promise<TestBatches> {
    await using starting = new AsyncDisposableStack();
    const engine = starting.use(await TestEngine.start({ ...(redisUrl && { redisUrl }), ...(models && { models }) }));
    const folder = await mkdtemp(join(tmpdir(), 'llm-engine-objects-'));
    starting.defer(() => rm(folder, { recursive: true, force: true }));
    const url = databaseUrl ?? starting.use(await TestDatabase.create()).url;
    const database = starting.use(await Database.open({ url }));
    const objects = starting.use(await openObjects(folder));
    const resources = starting.move();
    return new TestBatches(engine, { databaseUrl: url, storageUrl: folder }, { database, objects, resources });
  }

  /** Uploads an input file; resolves with its id. */
  async upload(content: string | AsyncIterable<Uint8Array>): Promise<string> {
    const source = typeof content === 'string' ? once(Buffer.from(content)) : content;
    const { id } = await this.files.create({ owner: OWNER, purpose: 'batch', filename: 'input.jsonl', source });
    return id;
  }

  /** Makes a batch of these lines. */
  async create(
    content: string | AsyncIterable<Uint8Array>,
    request: Readonly<Record<string, unknown>> = {},
  ): Promise<OpenAIBatch> {
    return this.batches.create(OWNER, {
      input_file_id: await this.upload(content),
      endpoint: '/v1/chat/completions',
      completion_window: '24h',
      ...request,
    });
  }

  get(id: string): Promise<OpenAIBatch> {
    return this.batches.get(OWNER, id);
  }

  /** The batch as soon as it is so. */
  async until(id: string, isSo: (batch: OpenAIBatch) => boolean): Promise<OpenAIBatch> {
    for (;;) {
      const batch = await this.get(id);
      if (isSo(batch)) return batch;
      if (isBatchEnd(batch.status)) throw new Error(`the batch ended: ${JSON.stringify(batch)}`);
      await sleep(LOOK_MS);
    }
  }

  /** The batch when it has ended, however. */
  ended(id: string): Promise<OpenAIBatch> {
    return this.until(id, ({ status }) => isBatchEnd(status));
  }

  /** The lines of a file that a batch made; none when it made none. */
  async lines(fileId: string | null): Promise<ResultLine[]> {
    if (fileId === null) return [];
    return parseLines(await text(await this.files.content(OWNER, fileId)));
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#resources.disposeAsync();
  }
}

export function parseLines(content: string): ResultLine[] {
  return content.split('\n').flatMap((line) => (line === '' ? [] : [JSON.parse(line) as ResultLine]));
}

/** A line of an input file that asks a chat model. `body` is mixed into the request. */
export function chatLine(customId: string, body: Readonly<Record<string, unknown>> = {}): string {
  const request = { model: 'm', messages: [{ role: 'user', content: `Hello from ${customId}` }], ...body };
  return `${JSON.stringify({ custom_id: customId, method: 'POST', url: '/v1/chat/completions', body: request })}\n`;
}

/** So many lines, numbered from 0. */
export function chatLines(
  count: number,
  body: (index: number) => Readonly<Record<string, unknown>> = () => ({}),
): string {
  return Array.from({ length: count }, (_, index) => chatLine(`line-${index}`, body(index))).join('');
}

async function* once(bytes: Buffer): AsyncGenerator<Buffer> {
  yield bytes;
}
