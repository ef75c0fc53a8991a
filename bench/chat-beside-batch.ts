import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { Readable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { Batches } from '@llm-engine/batches';
import { Producer, QueueConnection, TaskSender } from '@llm-engine/queue';
import { BatchTable, ChunkTable, Database, FileStore, openObjects } from '@llm-engine/storage';
import { PostgresServer } from '../test/support/postgres-server.ts';
import { WorkerProcess } from '../test/support/worker-process.ts';
import { quantile } from './rounds.ts';
import type { Comparison } from './rounds.ts';

interface MixedBenchOptions {
  readonly redisUrl: string;
  /** Conversations that are measured, alone and beside the batch. */
  readonly chats: number;
}

/** What the model server tells of its slots. */
export interface SlotStats {
  readonly chat: { ended: number; busyMs: number };
  readonly batch: { ended: number; busyMs: number };
  refused: number;
}

const SLOTS = 32;
/** Times are so much shorter than those of a real server, or it would take an hour. */
const FACTOR = 3;
/** Between two conversations on average, in milliseconds: some 2.5 of them are there at once. */
const CHAT_EVERY_MS = 420 / FACTOR;
/** The batch and the limit come to their pace. */
const WARM_UP_MS = 10_000;
const OWNER = 'default';
const SERVER = new URL('slot-server.ts', import.meta.url).pathname;

/** Chat beside a running batch at one server that serves a limited number at once, beside the same chat alone. */
export async function mixing(options: MixedBenchOptions): Promise<Comparison[]> {
  await using postgres = await PostgresServer.start();
  const comparisons: Comparison[] = [];
  for (const whenFull of ['line', 'refuse'] as const) {
    for (const concurrency of [SLOTS, undefined]) {
      await using bench = await MixedBench.start({ ...options, databaseUrl: postgres.url, whenFull, concurrency });
      comparisons.push(...(await bench.compare()));
    }
  }
  return comparisons;
}

interface Setting {
  /** What the server does with more requests than it has slots. */
  readonly whenFull: 'line' | 'refuse';
  /** As the engine's file says; without it the engine has to find out. */
  readonly concurrency: number | undefined;
}

class MixedBench implements AsyncDisposable {
  readonly #resources: AsyncDisposableStack;
  readonly #chats: number;
  readonly #setting: Setting;
  readonly #modelUrl: string;
  readonly #producer: Producer;
  readonly #files: FileStore;
  readonly #batches: Batches;

  private constructor(
    resources: AsyncDisposableStack,
    options: {
      chats: number;
      setting: Setting;
      modelUrl: string;
      producer: Producer;
      files: FileStore;
      batches: Batches;
    },
  ) {
    this.#resources = resources;
    this.#chats = options.chats;
    this.#setting = options.setting;
    this.#modelUrl = options.modelUrl;
    this.#producer = options.producer;
    this.#files = options.files;
    this.#batches = options.batches;
  }

  static async start({
    redisUrl,
    databaseUrl,
    chats,
    ...setting
  }: MixedBenchOptions & Setting & { readonly databaseUrl: string }): Promise<MixedBench> {
    await using starting = new AsyncDisposableStack();
    const folder = await mkdtemp(join(tmpdir(), 'llm-engine-bench-'));
    starting.defer(() => rm(folder, { recursive: true, force: true }));
    const modelUrl = await startModel(starting, setting.whenFull);
    const prefix = `bench-mixed-${setting.whenFull}-${setting.concurrency}`;
    const bound = setting.concurrency === undefined ? '' : `, concurrency: ${setting.concurrency}`;
    starting.use(
      await WorkerProcess.start({
        redisUrl,
        prefix,
        config: `models: { slots: { executor: openai, endpoints: ["${modelUrl}"]${bound} } }`,
        env: {
          DATABASE_URL: databaseUrl,
          STORAGE_URL: folder,
          WORKER_LOCK_SECONDS: '30',
          WORKER_FINE_TUNE_CONCURRENCY: '0',
          LOG_LEVEL: 'info',
        },
      }),
    );
    const connection = starting.use(new QueueConnection({ redisUrl, prefix }));
    await connection.waitUntilReady();
    const database = starting.use(await Database.open({ url: databaseUrl }));
    const objects = starting.use(await openObjects(folder));
    const files = new FileStore(database, objects);
    const batches = new Batches({
      batches: new BatchTable(database),
      chunks: new ChunkTable(database),
      files,
      objects,
      tasks: new TaskSender(connection),
    });
    const producer = new Producer(connection);
    return new MixedBench(starting.move(), { chats, setting, modelUrl, producer, files, batches });
  }

  async compare(): Promise<readonly Comparison[]> {
    await this.#chat(20);
    const alone = await this.#chat(this.#chats);
    const batch = await this.#startBatch();
    await this.#chat(Math.ceil(WARM_UP_MS / CHAT_EVERY_MS));
    const before = await this.#stats();
    const start = performance.now();
    const beside = await this.#chat(this.#chats);
    const ms = performance.now() - start;
    const after = await this.#stats();
    await this.#batches.cancel(OWNER, batch);

    const { whenFull, concurrency } = this.#setting;
    const name = `${whenFull === 'line' ? 'queues' : 'refuses'} beyond ${SLOTS}, limit ${concurrency ?? 'unset'}`;
    const timesToFirst = (q: number, goal: number): Comparison => {
      const [ours, reference] = [quantile(beside, q), quantile(alone, q)];
      return { name: `${name}: first token, p${q * 100}`, unit: 'ms', goal, ours, reference, ratio: reference / ours };
    };
    const lines = after.batch.ended - before.batch.ended;
    const lineMs = (after.batch.busyMs - before.batch.busyMs) / lines;
    // Slots that chat left over, on average, each of which ends a line in the time that a line takes.
    const left = SLOTS - (after.chat.busyMs - before.chat.busyMs) / ms;
    const [ours, reference] = [(lines / ms) * 1_000, (left / lineMs) * 1_000];
    return [
      timesToFirst(0.5, 1 / 1.5),
      timesToFirst(0.99, 1 / 1.5),
      { name: `${name}: batch`, unit: 'lines/s', goal: 0.95, ours, reference, ratio: ours / reference },
    ];
  }

  /** So many conversations, at times of their own; resolves with their times to the first token, in milliseconds. */
  async #chat(count: number): Promise<readonly number[]> {
    const times: Promise<number>[] = [];
    for (let left = count; left > 0; left -= 1) {
      times.push(this.#ask());
      await sleep(-Math.log(1 - Math.random()) * CHAT_EVERY_MS);
    }
    return Promise.all(times);
  }

  /** From the submission to the first token, through the queue and the worker. */
  async #ask(): Promise<number> {
    const start = performance.now();
    const job = await this.#producer.submit({
      kind: 'inference',
      endpoint: '/v1/chat/completions',
      body: { model: 'slots', stream: true, messages: [{ role: 'user', content: 'Hello' }] },
      priority: 'interactive',
    });
    let first: number | undefined;
    for await (const event of job.stream()) {
      if (event.type === 'chunk') first ??= performance.now() - start;
      if (event.type === 'end' && event.record.state !== 'succeeded')
        throw new Error(`a conversation failed: ${event.record.error?.message}`);
    }
    return first ?? Number.NaN;
  }

  /** One that goes on for longer than is measured. */
  async #startBatch(): Promise<string> {
    const body = { model: 'slots', messages: [{ role: 'user', content: 'Question' }] };
    const line = { method: 'POST', url: '/v1/chat/completions', body };
    const lines = Array.from({ length: 50_000 }, (_, index) =>
      JSON.stringify({ custom_id: `request-${index}`, ...line }),
    );
    const { id } = await this.#files.create({
      owner: OWNER,
      purpose: 'batch',
      filename: 'input.jsonl',
      source: Readable.from([Buffer.from(`${lines.join('\n')}\n`)]),
    });
    const batch = await this.#batches.create(OWNER, {
      input_file_id: id,
      endpoint: '/v1/chat/completions',
      completion_window: '24h',
    });
    return batch.id;
  }

  async #stats(): Promise<SlotStats> {
    const answer = await fetch(new URL('/stats', this.#modelUrl));
    return (await answer.json()) as SlotStats;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#resources.disposeAsync();
  }
}

async function startModel(resources: AsyncDisposableStack, whenFull: Setting['whenFull']): Promise<string> {
  const child: ChildProcess = spawn(process.execPath, [SERVER, String(SLOTS), String(FACTOR), whenFull], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  resources.defer(() => void child.kill());
  if (child.stdout === null) throw new Error('the model server has no output');
  const [line] = (await once(createInterface(child.stdout), 'line')) as [string];
  return line;
}
