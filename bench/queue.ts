import { randomUUID } from 'node:crypto';
import { Consumer, ModelCatalogue, Producer, QueueConnection, inferenceQueue } from '@llm-engine/queue';
import type { InferenceSubmission } from '@llm-engine/contracts';
import { Queue, QueueEvents, Worker } from 'bullmq';
import type { JobsOptions } from 'bullmq';
import { Redis } from 'ioredis';
import { compare, median, quantile } from './rounds.ts';
import type { Comparison } from './rounds.ts';

interface QueueBenchOptions {
  readonly redisUrl: string;
  readonly rounds: number;
  /** Jobs a round. */
  readonly jobs: number;
}

const IN_FLIGHT = 100;
const CONCURRENCY = 50;
const RUNS_FOR_LATENCY = 2_000;

const SUBMISSION: InferenceSubmission = {
  kind: 'inference',
  endpoint: '/v1/chat/completions',
  body: { model: 'noop', messages: [{ role: 'user', content: 'x'.repeat(60) }] },
};
/** The same bytes, so that neither side serialises more than the other. */
const RAW_DATA = {
  kind: 'inference',
  endpoint: SUBMISSION.endpoint,
  body: SUBMISSION.body,
  priority: 'standard',
  owner: 'default',
};

/** What can be measured, each beside raw BullMQ. */
export const QUEUE_BENCHES = { submit: submitting, run: running, answer: answering };

async function submitting({ redisUrl, rounds, jobs }: QueueBenchOptions): Promise<Comparison[]> {
  await using engine = await startEngine(redisUrl);
  await using raw = startRaw(redisUrl);
  const ours = async (): Promise<number> => {
    const rate = await rateOf(jobs, () => engine.producer.submit(SUBMISSION));
    await engine.connection.queue(inferenceQueue('default')).obliterate({ force: true });
    return rate;
  };
  const reference = async (options: () => JobsOptions): Promise<number> => {
    const rate = await rateOf(jobs, () => raw.queue.add('inference', RAW_DATA, options()));
    await raw.queue.obliterate({ force: true });
    return rate;
  };
  const shared = { unit: 'jobs/s', goal: 0.8, better: 'higher', rounds, ours } as const;
  return [
    await compare({
      ...shared,
      name: `submit, ${IN_FLIGHT} in flight, beside a bare add`,
      reference: () => reference(() => ({})),
    }),
    await compare({
      ...shared,
      name: 'the same, beside an add with priority, attempts, back-off and id',
      reference: () =>
        reference(() => ({ jobId: randomUUID(), priority: 1_000, attempts: 3, backoff: { type: 'custom' } })),
    }),
  ];
}

async function running({ redisUrl, rounds, jobs }: QueueBenchOptions): Promise<Comparison[]> {
  await using engine = await startEngine(redisUrl);
  await using raw = startRaw(redisUrl);
  const comparison = await compare({
    name: `run no-op jobs, concurrency ${CONCURRENCY}`,
    unit: 'jobs/s',
    goal: 0.8,
    better: 'higher',
    rounds,
    ours: async () => {
      await engine.producer.submitMany(Array.from({ length: jobs }, () => SUBMISSION));
      let left = jobs;
      const done = Promise.withResolvers<void>();
      const consumer = engine.consumer((event) => {
        if (event === 'completed' && --left === 0) done.resolve();
      });
      const start = performance.now();
      await consumer.start();
      await done.promise;
      const rate = perSecond(jobs, start);
      await consumer.close();
      return rate;
    },
    reference: async () => {
      await raw.queue.addBulk(Array.from({ length: jobs }, () => ({ name: 'inference', data: RAW_DATA })));
      let left = jobs;
      const done = Promise.withResolvers<void>();
      const worker = raw.worker();
      worker.on('completed', () => --left === 0 && done.resolve());
      const start = performance.now();
      worker.run().catch(done.reject);
      await done.promise;
      const rate = perSecond(jobs, start);
      await worker.close();
      return rate;
    },
  });
  return [comparison];
}

async function answering({ redisUrl, rounds }: QueueBenchOptions): Promise<Comparison[]> {
  await using engine = await startEngine(redisUrl);
  await using raw = startRaw(redisUrl);
  const consumer = engine.consumer(() => undefined);
  await consumer.start();
  const worker = raw.worker();
  const loop = worker.run();
  const events = new QueueEvents(raw.queue.name, { connection: raw.newRedis(), prefix: raw.prefix });
  await events.waitUntilReady();

  const comparisons: Comparison[] = [];
  for (const [inFlight, q] of [
    [1, 0.5],
    [1, 0.99],
    [IN_FLIGHT, 0.5],
    [IN_FLIGHT, 0.99],
  ] as const) {
    comparisons.push(
      await compare({
        name: `request to answer, ${inFlight} in flight, p${q * 100}`,
        unit: 'ms',
        goal: 1,
        better: 'lower',
        rounds,
        ours: () => latencyOf(inFlight, q, () => engine.producer.run(SUBMISSION)),
        reference: () =>
          latencyOf(inFlight, q, async () => {
            const job = await raw.queue.add('inference', RAW_DATA);
            await job.waitUntilFinished(events);
          }),
      }),
    );
  }
  await events.close();
  await worker.close();
  await loop;
  await consumer.close();
  return comparisons;
}

async function startEngine(redisUrl: string) {
  const prefix = `bench-${randomUUID()}`;
  const stack = new AsyncDisposableStack();
  const connection = stack.use(new QueueConnection({ redisUrl, prefix }));
  const workerConnection = stack.use(new QueueConnection({ redisUrl, prefix, patience: 'patient' }));
  await connection.waitUntilReady();
  await new ModelCatalogue(connection).announce([
    { id: 'noop', executor: 'noop', pool: 'default', endpoints: [], trainable: false, ownedBy: 'bench', created: 0 },
  ]);
  return {
    connection,
    producer: new Producer(connection),
    consumer: (onEvent: (type: string) => void) =>
      new Consumer(workerConnection, {
        redisUrl,
        queue: inferenceQueue('default'),
        concurrency: CONCURRENCY,
        runJob: async () => ({ kind: 'completed', result: { ok: true } }),
        onEvent: ({ type }) => onEvent(type),
      }),
    [Symbol.asyncDispose]: () => stack.disposeAsync(),
  };
}

function startRaw(redisUrl: string) {
  const clients: Redis[] = [];
  const newRedis = (): Redis => {
    const redis = new Redis(redisUrl, { maxRetriesPerRequest: null });
    redis.setMaxListeners(0);
    clients.push(redis);
    return redis;
  };
  const prefix = `bench-${randomUUID()}`;
  const queue = new Queue('raw', { connection: newRedis(), prefix });
  // Every call that waits for a job adds a listener.
  queue.setMaxListeners(0);
  return {
    queue,
    prefix,
    newRedis,
    // Finished jobs are kept as the engine keeps them, and removed by the queue in the same way.
    worker: () =>
      new Worker('raw', async () => ({ ok: true }), {
        connection: newRedis(),
        prefix,
        autorun: false,
        concurrency: CONCURRENCY,
        removeOnComplete: { count: 10_000 },
      }),
    [Symbol.asyncDispose]: async () => {
      await queue.close();
      for (const redis of clients) redis.disconnect();
    },
  };
}

async function rateOf(total: number, once: () => Promise<unknown>): Promise<number> {
  let left = total;
  const start = performance.now();
  const lane = async (): Promise<void> => {
    while (left-- > 0) await once();
  };
  await Promise.all(Array.from({ length: IN_FLIGHT }, lane));
  return perSecond(total, start);
}

async function latencyOf(inFlight: number, q: number, once: () => Promise<unknown>): Promise<number> {
  const times: number[] = [];
  let left = RUNS_FOR_LATENCY;
  const lane = async (): Promise<void> => {
    while (left-- > 0) {
      const start = performance.now();
      await once();
      times.push(performance.now() - start);
    }
  };
  await Promise.all(Array.from({ length: inFlight }, lane));
  return q === 0.5 ? median(times) : quantile(times, q);
}

function perSecond(count: number, start: number): number {
  return (count / (performance.now() - start)) * 1_000;
}
