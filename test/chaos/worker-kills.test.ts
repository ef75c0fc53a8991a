import { EngineError } from '@llm-engine/contracts';
import type { InferenceSubmission } from '@llm-engine/contracts';
import { expect, test } from 'vitest';
import { TestEngine, chat, modelInfo } from '../support/engine.ts';
import { startModelServer } from '../support/model-server.ts';
import type { ModelServer } from '../support/model-server.ts';
import { RedisServer } from '../support/redis-server.ts';
import { WorkerProcess } from '../support/worker-process.ts';

const JOBS = 2_000;
const WORKERS = 3;
/** Jobs that a worker runs at once: as many may run again after it was killed. */
const SLOTS = 4;
/** What is killed, one after the other, while the jobs run. */
const KILLS = [0, 1, 2, 'redis', 0, 1, 2, 0, 'redis', 1, 2, 0, 1, 2] as const;
const PRIORITIES = ['interactive', 'standard', 'bulk'] as const;

/** The job with this number: priority and latency follow from it, so that every run of the test is given the same jobs. */
function job(number: number): InferenceSubmission {
  const latencyMs = 10 + ((number * 7_919) % 41);
  return chat('Hi', {
    body: {
      model: 'served',
      messages: [{ role: 'user', content: 'Hi' }],
      user: String(number),
      behaviour: { kind: 'ok', delayMs: latencyMs },
    },
    priority: PRIORITIES[number % PRIORITIES.length] ?? 'standard',
    // An answer that was lost with Redis leaves open whether the job was accepted: with a key it can be sent again.
    idempotencyKey: `job-${number}`,
    maxAttempts: 1,
  });
}

test(
  'whatever is killed, every accepted job ends once, and only jobs in flight at a kill run again',
  { timeout: 120_000 },
  async () => {
    await using redis = await RedisServer.start('--appendonly', 'yes', '--appendfsync', 'always');
    await using server = await startModelServer({ models: ['served'] });
    await using engine = await TestEngine.start({ redisUrl: redis.url, models: [modelInfo('served')] });
    await using fleet = await Fleet.start(engine, server);

    const [ids] = await Promise.all([submitAll(engine), killAll({ engine, fleet, redis, server })]);
    const records = await Promise.all(ids.map((id) => engine.producer.job(id).result({ timeoutMs: 30_000 })));
    const runs = Map.groupBy(server.requests, ({ body }) => Number(body['user']));
    const reRuns = server.requests.length - runs.size;
    process.stdout.write(`chaos: ${JOBS} jobs, ${KILLS.length} kills, ${reRuns} re-runs\n`);

    // Conservation: each submission is one job, each job has succeeded, and no queue holds anything else.
    expect(new Set(ids).size).toBe(JOBS);
    expect(new Set(records.map(({ id, state, attempts }) => `${id} ${state} ${attempts}`))).toEqual(
      new Set(ids.map((id) => `${id} succeeded 1`)),
    );
    await expect.poll(() => countsOf(engine), { timeout: 20_000 }).toEqual({ completed: JOBS });
    const completions = await fleet.completions();
    expect(new Set(completions).size).toBe(completions.length);
    // The witness: the model server saw every job, and again only those that were in flight when something was killed.
    expect([...runs.keys()].toSorted((a, b) => a - b)).toEqual(Array.from({ length: JOBS }, (_, number) => number));
    expect(reRuns).toBeLessThanOrEqual(inFlightAtMost());
  },
);

/** What may run again: the slots of each worker that was killed, and all slots when it was Redis. */
function inFlightAtMost(): number {
  return KILLS.reduce<number>((sum, victim) => sum + (victim === 'redis' ? WORKERS * SLOTS : SLOTS), 0);
}

/** Submits every job until it is accepted, a few at a time; resolves with their ids. */
async function submitAll({ producer, connection }: TestEngine): Promise<string[]> {
  const ids: string[] = [];
  let next = 0;
  const lane = async (): Promise<void> => {
    while (next < JOBS) {
      const number = next;
      next += 1;
      let id: string | undefined;
      while (id === undefined) {
        try {
          ({ id } = await producer.submit(job(number)));
        } catch (error) {
          if (!(error instanceof EngineError && error.code === 'queue_unavailable')) throw error;
          await connection.waitUntilReady();
        }
      }
      ids[number] = id;
    }
  };
  await Promise.all(Array.from({ length: 4 }, lane));
  return ids;
}

interface Scene {
  readonly engine: TestEngine;
  readonly fleet: Fleet;
  readonly redis: RedisServer;
  readonly server: ModelServer;
}

/** Kills one after the other, each when the model server has seen its share of the jobs: so all kills hit work. */
async function killAll({ engine, fleet, redis, server }: Scene): Promise<void> {
  for (const [index, victim] of KILLS.entries()) {
    await server.request(Math.floor((JOBS * (index + 1)) / (KILLS.length + 1)));
    if (victim === 'redis') {
      await redis.kill('SIGKILL');
      await redis.start();
      await engine.connection.waitUntilReady();
    } else {
      await fleet.kill(victim);
    }
  }
}

async function countsOf({ inspector }: TestEngine): Promise<Record<string, number>> {
  const queues = await inspector.queues();
  const counts = queues.flatMap((queue) => Object.entries(queue.counts)).filter(([, count]) => count > 0);
  return Object.fromEntries(counts);
}

/** The workers; each that is killed is replaced at once. */
class Fleet implements AsyncDisposable {
  readonly #start: () => Promise<WorkerProcess>;
  readonly #running: Promise<WorkerProcess>[];
  readonly #killed: WorkerProcess[] = [];

  private constructor(start: () => Promise<WorkerProcess>) {
    this.#start = start;
    this.#running = Array.from({ length: WORKERS }, start);
  }

  static async start({ redisUrl, prefix }: TestEngine, { url }: ModelServer): Promise<Fleet> {
    const config = `models: { served: { executor: openai, endpoints: [${url}] } }`;
    const env = { WORKER_CONCURRENCY: String(SLOTS), WORKER_FINE_TUNE_CONCURRENCY: '0' };
    const fleet = new Fleet(() => WorkerProcess.start({ redisUrl, prefix, config, env }));
    await Promise.all(fleet.#running);
    return fleet;
  }

  async kill(index: number): Promise<void> {
    const worker = await this.#running[index];
    if (worker === undefined) throw new Error(`there is no worker ${index}`);
    worker.signal('SIGKILL');
    await worker.ended();
    this.#killed.push(worker);
    this.#running[index] = this.#start();
  }

  /** Ids of the jobs that any worker has said it completed. */
  async completions(): Promise<unknown[]> {
    const workers = [...this.#killed, ...(await Promise.all(this.#running))];
    return workers.flatMap(({ log }) => log.filter(({ msg }) => msg === 'job completed').map(({ jobId }) => jobId));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const workers = [...this.#killed, ...(await Promise.all(this.#running))];
    await Promise.all(workers.map((worker) => worker[Symbol.asyncDispose]()));
  }
}
