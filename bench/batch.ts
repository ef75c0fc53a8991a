import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { createReadStream, createWriteStream } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { Batches } from '@llm-engine/batches';
import { isBatchEnd } from '@llm-engine/contracts';
import { QueueConnection, TaskSender } from '@llm-engine/queue';
import { BatchTable, ChunkTable, Database, FileStore, openObjects } from '@llm-engine/storage';
import { Queue, Worker } from 'bullmq';
import { Redis } from 'ioredis';
import { Pool } from 'undici';
import { PostgresServer } from '../test/support/postgres-server.ts';
import { WorkerProcess } from '../test/support/worker-process.ts';
import { compare } from './rounds.ts';
import type { Comparison } from './rounds.ts';

interface BatchBenchOptions {
  readonly redisUrl: string;
  readonly rounds: number;
  /** Lines of a batch. */
  readonly lines: number;
}

const MODEL = 'instant';
const CONNECTIONS = 64;
const SERVER = new URL('instant-model-server.ts', import.meta.url).pathname;
const OWNER = 'default';

/** A whole batch, from its creation to its output file, beside what can be done without the engine. */
export async function batching({ redisUrl, rounds, lines }: BatchBenchOptions): Promise<Comparison[]> {
  await using bench = await BatchBench.start(redisUrl, lines);
  const shared = { unit: 'lines/s', better: 'higher', rounds, ours: () => bench.batch() } as const;
  return [
    await compare({
      ...shared,
      name: `batch of ${lines} lines, beside a plain undici loop, ${CONNECTIONS} connections`,
      goal: 0.6,
      reference: () => bench.loop(),
    }),
    await compare({
      ...shared,
      name: 'the same, beside one BullMQ job a line, adding included',
      goal: 2,
      rounds: Math.min(rounds, 3),
      reference: () => bench.jobs(),
    }),
  ];
}

/** Everything that runs, and the three ways to get the lines done; each resolves with lines a second. */
class BatchBench implements AsyncDisposable {
  readonly #resources: AsyncDisposableStack;
  readonly #lines: number;
  readonly #redisUrl: string;
  readonly #modelUrl: string;
  readonly #folder: string;
  readonly #input: string;
  readonly #files: FileStore;
  readonly #batches: Batches;

  private constructor(
    resources: AsyncDisposableStack,
    options: {
      lines: number;
      redisUrl: string;
      modelUrl: string;
      folder: string;
      input: string;
      files: FileStore;
      batches: Batches;
    },
  ) {
    this.#resources = resources;
    this.#lines = options.lines;
    this.#redisUrl = options.redisUrl;
    this.#modelUrl = options.modelUrl;
    this.#folder = options.folder;
    this.#input = options.input;
    this.#files = options.files;
    this.#batches = options.batches;
  }

  static async start(redisUrl: string, lines: number): Promise<BatchBench> {
    await using starting = new AsyncDisposableStack();
    const folder = await mkdtemp(join(tmpdir(), 'llm-engine-bench-'));
    starting.defer(() => rm(folder, { recursive: true, force: true }));
    const input = join(folder, 'input.jsonl');
    await writeFile(input, Array.from({ length: lines }, (_, index) => inputLine(index)).join(''));

    const modelUrl = await startModel(starting);
    const postgres = starting.use(await PostgresServer.start());
    const storageUrl = join(folder, 'objects');
    const prefix = 'bench-batch';
    starting.use(
      await WorkerProcess.start({
        redisUrl,
        prefix,
        config: `models: { ${MODEL}: { executor: openai, endpoints: ["${modelUrl}"], concurrency: ${CONNECTIONS} } }`,
        env: {
          DATABASE_URL: postgres.url,
          STORAGE_URL: storageUrl,
          WORKER_LOCK_SECONDS: '30',
          WORKER_FINE_TUNE_CONCURRENCY: '0',
          LOG_LEVEL: 'info',
        },
      }),
    );
    const connection = starting.use(new QueueConnection({ redisUrl, prefix }));
    await connection.waitUntilReady();
    const database = starting.use(await Database.open({ url: postgres.url }));
    const objects = starting.use(await openObjects(storageUrl));
    const files = new FileStore(database, objects);
    const batches = new Batches({
      batches: new BatchTable(database),
      chunks: new ChunkTable(database),
      files,
      objects,
      tasks: new TaskSender(connection),
    });
    return new BatchBench(starting.move(), { lines, redisUrl, modelUrl, folder, input, files, batches });
  }

  /** From the creation of a batch, whose file is there, to its end. */
  async batch(): Promise<number> {
    const { id: fileId } = await this.#files.create({
      owner: OWNER,
      purpose: 'batch',
      filename: 'input.jsonl',
      source: createReadStream(this.#input),
    });
    const start = performance.now();
    let batch = await this.#batches.create(OWNER, {
      input_file_id: fileId,
      endpoint: '/v1/chat/completions',
      completion_window: '24h',
    });
    while (!isBatchEnd(batch.status)) {
      await sleep(20);
      batch = await this.#batches.get(OWNER, batch.id);
    }
    const rate = this.#rate(start);
    if (batch.request_counts.completed !== this.#lines)
      throw new Error(`the batch went wrong: ${JSON.stringify(batch)}`);
    return rate;
  }

  /** Reads the file, asks for each line, and writes the answers: with what a script would have at least. */
  async loop(): Promise<number> {
    await using pool = new PoolOfConnections(this.#modelUrl);
    const output = createWriteStream(join(this.#folder, 'loop.jsonl'));
    const start = performance.now();
    const source = createInterface({ input: createReadStream(this.#input) })[Symbol.asyncIterator]();
    const lane = async (): Promise<void> => {
      for (let next = await source.next(); next.done !== true; next = await source.next()) {
        output.write(`${JSON.stringify(await pool.ask(next.value))}\n`);
      }
    };
    await Promise.all(Array.from({ length: CONNECTIONS }, lane));
    output.end();
    await once(output, 'finish');
    return this.#rate(start);
  }

  /** Adds a job for each line, runs them, and writes the answers. */
  async jobs(): Promise<number> {
    await using pool = new PoolOfConnections(this.#modelUrl);
    const connection = new Redis(this.#redisUrl, { maxRetriesPerRequest: null });
    const queue = new Queue<{ line: string }>('bench-lines', { connection });
    const output = createWriteStream(join(this.#folder, 'jobs.jsonl'));
    let left = this.#lines;
    const { promise: done, resolve } = Promise.withResolvers<void>();
    const start = performance.now();
    const worker = new Worker<{ line: string }>(
      'bench-lines',
      async ({ data }) => {
        output.write(`${JSON.stringify(await pool.ask(data.line))}\n`);
        left -= 1;
        if (left === 0) resolve();
      },
      { connection, concurrency: CONNECTIONS, removeOnComplete: { count: 0 } },
    );
    worker.on('error', () => undefined);
    let some: string[] = [];
    const add = async (): Promise<void> => {
      await queue.addBulk(some.map((line) => ({ name: 'line', data: { line } })));
      some = [];
    };
    for await (const line of createInterface({ input: createReadStream(this.#input) })) {
      some.push(line);
      if (some.length === 1_000) await add();
    }
    await add();
    await done;
    output.end();
    await once(output, 'finish');
    const rate = this.#rate(start);
    await worker.close();
    await queue.obliterate({ force: true });
    await queue.close();
    connection.disconnect();
    return rate;
  }

  #rate(start: number): number {
    return (this.#lines / (performance.now() - start)) * 1_000;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#resources.disposeAsync();
  }
}

class PoolOfConnections implements AsyncDisposable {
  readonly #pool: Pool;
  readonly #path: string;

  constructor(modelUrl: string) {
    const { origin, pathname } = new URL(modelUrl);
    this.#pool = new Pool(origin, { connections: CONNECTIONS });
    this.#path = `${pathname}/chat/completions`;
  }

  /** The output line for an input line. */
  async ask(line: string): Promise<unknown> {
    const { custom_id: customId, body } = JSON.parse(line) as { custom_id: string; body: unknown };
    const answer = await this.#pool.request({
      method: 'POST',
      path: this.#path,
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
    });
    const response = { status_code: answer.statusCode, request_id: customId, body: await answer.body.json() };
    return { id: customId, custom_id: customId, response, error: null };
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#pool.close();
  }
}

async function startModel(resources: AsyncDisposableStack): Promise<string> {
  const child: ChildProcess = spawn(process.execPath, [SERVER], { stdio: ['pipe', 'pipe', 'inherit'] });
  resources.defer(() => void child.kill());
  if (child.stdout === null) throw new Error('the model server has no output');
  const [line] = (await once(createInterface(child.stdout), 'line')) as [string];
  return line;
}

/** Some 300 bytes. */
function inputLine(index: number): string {
  const body = { model: MODEL, messages: [{ role: 'user', content: `Question ${index}: ${'y'.repeat(130)}` }] };
  return `${JSON.stringify({ custom_id: `request-${index}`, method: 'POST', url: '/v1/chat/completions', body })}\n`;
}
