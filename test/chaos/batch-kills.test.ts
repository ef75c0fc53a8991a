import { setTimeout as sleep } from 'node:timers/promises';
import { isBatchEnd } from '@llm-engine/contracts';
import OpenAI from 'openai';
import { expect, test } from 'vitest';
import { TestBatches, chatLines, parseLines } from '../support/batches.ts';
import { modelInfo } from '../support/engine.ts';
import { startModelServer } from '../support/model-server.ts';
import type { ModelServer } from '../support/model-server.ts';
import { PostgresServer } from '../support/postgres-server.ts';
import { ProducerProcess } from '../support/producer-process.ts';
import { RedisServer } from '../support/redis-server.ts';
import { WorkerProcess } from '../support/worker-process.ts';

const LINES = 20_000;
const WORKERS = 3;
const CHUNKS_AT_ONCE = 2;
const LINES_AT_ONCE = 16;
/** Of one worker: lines that are asked, that were answered and are gathered, and that are being recorded. */
const IN_FLIGHT = CHUNKS_AT_ONCE * LINES_AT_ONCE * 3;
const KILL_EVERY_MS = 1_000;
const KILLS = 25;

test(
  'whatever is killed, every line is in the output once and in order, and only lines in flight at a kill run again',
  { timeout: 240_000 },
  async () => {
    await using redis = await RedisServer.start('--appendonly', 'yes', '--appendfsync', 'always');
    await using postgres = await PostgresServer.start();
    await using server = await startModelServer({ models: ['served'], behaviour: { kind: 'ok', delayMs: 50 } });
    await using engine = await TestBatches.start({
      redisUrl: redis.url,
      databaseUrl: postgres.url,
      models: [modelInfo('served')],
    });
    await using scene = await Scene.start(engine, redis, server);

    const input = chatLines(LINES, (index) => bodyOf(index));
    const file = await scene.client.files.create({ file: new File([input], 'input.jsonl'), purpose: 'batch' });
    const { id } = await scene.client.batches.create({
      input_file_id: file.id,
      endpoint: '/v1/chat/completions',
      completion_window: '24h',
    });
    const kills = await scene.killUntil(() => scene.hasEnded(id));
    const batch = await scene.client.batches.retrieve(id);
    const [output, errors] = [await scene.linesOf(batch.output_file_id), await scene.linesOf(batch.error_file_id)];

    const seen = Map.groupBy(server.requests, ({ body }) => Number(body['user']));
    const reRuns = server.requests.length - seen.size;
    process.stdout.write(
      `chaos: a batch of ${LINES} lines, ${kills.workers} workers, the producer and Redis killed, ${reRuns} lines run again\n`,
    );

    expect(batch.request_counts).toEqual({
      total: LINES,
      completed: LINES - failing().length,
      failed: failing().length,
    });
    expect(output.map((line) => line.custom_id)).toEqual(idsOf((index) => !fails(index)));
    expect(errors.map((line) => line.custom_id)).toEqual(idsOf(fails));
    // The witness: the model server saw every line, and again only those that were in flight when a worker was killed.
    expect(seen.size).toBe(LINES);
    expect(reRuns).toBeLessThanOrEqual((kills.workers + WORKERS) * IN_FLIGHT);
    expect(kills.workers).toBeGreaterThan(5);
  },
);

/** Every hundredth line is refused by the model server. */
function fails(index: number): boolean {
  return index % 100 === 99;
}

function failing(): readonly string[] {
  return idsOf(fails);
}

function idsOf(matches: (index: number) => boolean): string[] {
  return Array.from({ length: LINES }, (_, index) => index)
    .filter(matches)
    .map((index) => `line-${index}`);
}

function bodyOf(index: number): Readonly<Record<string, unknown>> {
  const refused = { behaviour: { kind: 'status', status: 400 } };
  return { model: 'served', user: String(index), ...(fails(index) && refused) };
}

/** The processes of an engine; each that is killed is replaced at once. */
class Scene implements AsyncDisposable {
  readonly #engine: TestBatches;
  readonly #redis: RedisServer;
  readonly #config: string;
  readonly #everStarted: AsyncDisposable[] = [];
  /** Those that take tasks, the one that has done so for the longest time first. */
  readonly #up: WorkerProcess[] = [];
  readonly #starting = new Set<Promise<void>>();
  #producer: ProducerProcess | undefined;

  private constructor(engine: TestBatches, redis: RedisServer, { url }: ModelServer) {
    this.#engine = engine;
    this.#redis = redis;
    this.#config = `models: { served: { executor: openai, endpoints: [${url}] } }`;
  }

  static async start(engine: TestBatches, redis: RedisServer, server: ModelServer): Promise<Scene> {
    const scene = new Scene(engine, redis, server);
    await Promise.all(Array.from({ length: WORKERS }, () => scene.#startWorker()));
    scene.#producer = await scene.#startProducer();
    return scene;
  }

  /** The official client, which tries again by itself when it is not answered. */
  get client(): OpenAI {
    return new OpenAI({ baseURL: `${this.#producer?.url}/v1`, apiKey: 'none', maxRetries: 8 });
  }

  /** Kills a worker a second, and the producer and Redis once each; resolves when it is so. */
  async killUntil(isSo: () => Promise<boolean>): Promise<{ readonly workers: number }> {
    let workers = 0;
    for (let second = 1; !(await isSo()); second += 1) {
      if (second === 3) await this.#killRedis();
      if (second === 5) await this.#killProducer();
      if (workers < KILLS && (await this.#killWorker())) workers += 1;
      await sleep(KILL_EVERY_MS);
    }
    return { workers };
  }

  async hasEnded(id: string): Promise<boolean> {
    return isBatchEnd((await this.client.batches.retrieve(id)).status);
  }

  async linesOf(fileId: string | null | undefined) {
    if (fileId == null) return [];
    return parseLines(await (await this.client.files.content(fileId)).text());
  }

  /** False when all of them are still starting. */
  async #killWorker(): Promise<boolean> {
    const worker = this.#up.shift();
    if (worker === undefined) return false;
    worker.signal('SIGKILL');
    await worker.ended();
    const starting = this.#startWorker().finally(() => this.#starting.delete(starting));
    this.#starting.add(starting);
    return true;
  }

  async #killProducer(): Promise<void> {
    this.#producer?.signal('SIGKILL');
    await this.#producer?.ended();
    this.#producer = await this.#startProducer();
  }

  async #killRedis(): Promise<void> {
    await this.#redis.kill('SIGKILL');
    await this.#redis.start();
  }

  async #startWorker(): Promise<void> {
    const { redisUrl, prefix } = this.#engine.engine;
    const { databaseUrl, storageUrl } = this.#engine.storage;
    const worker = await WorkerProcess.spawn({
      redisUrl,
      prefix,
      config: this.#config,
      env: {
        DATABASE_URL: databaseUrl,
        STORAGE_URL: storageUrl,
        WORKER_CHUNK_CONCURRENCY: String(CHUNKS_AT_ONCE),
        WORKER_LINE_CONCURRENCY: String(LINES_AT_ONCE),
        WORKER_FINE_TUNE_CONCURRENCY: '0',
      },
    });
    this.#everStarted.push(worker);
    await worker.logged(({ msg }) => msg === 'worker takes jobs');
    this.#up.push(worker);
  }

  async #startProducer(): Promise<ProducerProcess> {
    const { redisUrl, prefix } = this.#engine.engine;
    const producer = await ProducerProcess.start({ redisUrl, prefix, storage: this.#engine.storage });
    this.#everStarted.push(producer);
    return producer;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.allSettled(this.#starting);
    await Promise.all(this.#everStarted.map((started) => started[Symbol.asyncDispose]()));
  }
}
