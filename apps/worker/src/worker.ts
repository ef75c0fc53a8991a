import { randomUUID } from 'node:crypto';
import type { JobKind, OnJobEvent, StorageSettings, WebhookSettings, WorkerStatus } from '@llm-engine/contracts';
import type { ExecutorRegistry } from '@llm-engine/executors';
import { addProbes, closeWithin, createServer, listen } from '@llm-engine/http';
import { createMetrics, observeBatches, observeJobs } from '@llm-engine/observability';
import type { Logger, Metrics } from '@llm-engine/observability';
import { Consumer, FINE_TUNE_QUEUE, ModelCatalogue, QueueConnection, inferenceQueue } from '@llm-engine/queue';
import type { Backoff, RunJob } from '@llm-engine/queue';
import { announceModels } from './announce.ts';
import { prepareBatches } from './batches.ts';
import type { TakesWork } from './takes-work.ts';
import { Heartbeat } from './heartbeat.ts';
import { LimitSharing } from './limit-sharing.ts';
import { whyNotAlive } from './liveness.ts';
import { Periodic } from './periodic.ts';
import { Quarantine } from './quarantine.ts';
import { runJob } from './run-job.ts';
import type { RunJobTools } from './run-job.ts';
import type { OnChunkGap } from './run-inference.ts';
import { VERSION } from './version.ts';

export interface WorkerOptions {
  readonly redisUrl: string;
  /** Which engine to work for. Default `llm-engine`. */
  readonly prefix?: string;
  /** What runs the models. The worker does not close it. */
  readonly executors: ExecutorRegistry;
  /** Pools whose inference jobs it takes. Default `default`. */
  readonly pools?: readonly string[];
  /** Inference jobs that run at once, for each pool. Default 50. */
  readonly concurrency?: number;
  /** Fine-tunes that run at once; 0 to take none. Default 1. */
  readonly fineTuneConcurrency?: number;
  /** Where batches lie. Without it the worker takes none. */
  readonly storage?: StorageSettings;
  /** Who is told of the ends of batches and groups. Default: nobody. */
  readonly webhook?: WebhookSettings;
  /** Chunks of batches that run at once, for each pool; 0 to take none. Default 4. */
  readonly chunkConcurrency?: number;
  /** Lines of one chunk that run at once. Default 64. */
  readonly lineConcurrency?: number;
  /** Requests in a batch's file. Default 50,000. */
  readonly maxBatchLines?: number;
  /** How often batches that have not ended are looked after, in milliseconds. Default 10,000. */
  readonly reconcileEveryMs?: number;
  /** Of the probes and metrics, which hold nothing secret. Default 127.0.0.1. */
  readonly host?: string;
  /** 0 for any free port. Default 9464. */
  readonly port?: number;
  readonly logger: Logger;
  /** How long jobs that run may go on after a stop, before they are handed over, in milliseconds. Default 10,000. */
  readonly graceMs?: number;
  /** Life of the lock of an inference job, in milliseconds: a worker that dies is noticed after it. Default 30,000. */
  readonly lockMs?: number;
  /** Bound on one attempt of an inference job that sets none, in milliseconds. Default 10 minutes. */
  readonly timeoutMs?: number;
  readonly backoff?: Backoff;
  /** Gives up a start that still waits for Redis. */
  readonly signal?: AbortSignal;
}

export interface RunningWorker extends AsyncDisposable {
  readonly id: string;
  /** Where its probes and metrics are. */
  readonly url: string;
  readonly port: number;
  /** Takes no more jobs, lets those that run go on for the grace, hands the rest over, and disconnects. */
  close(): Promise<void>;
}

const MINUTE_MS = 60_000;
const DAY_MS = 1_440 * MINUTE_MS;
/** A training survives its worker, so that a worker that is gone for a while should not make another one look. */
const FINE_TUNE_LOCK_FACTOR = 4;
const SUSPECT_AFTER = { inference: 2, 'fine-tune': 20 };
const STARTING = 'starting: waits for Redis, the database and the model servers';
/** A scrape that is under way may finish. */
const SCRAPE_GRACE_MS = 1_000;
const ANNOUNCE_MS = 5_000;
const ANNOUNCE_LIMIT_MS = 10_000;

/** Starts to take jobs. Waits for Redis as long as it takes. */
export async function startWorker(options: WorkerOptions): Promise<RunningWorker> {
  const { redisUrl, executors, logger, pools = ['default'], graceMs = 10_000 } = options;
  const id = `worker-${randomUUID()}`;
  const stopping = new AbortController();
  await using starting = new AsyncDisposableStack();

  const metrics = createMetrics({ service: 'worker', version: VERSION });
  const onEvent = observeJobs(metrics, logger, {
    executorOf: (model) => executors.resolve(model)?.executor.name,
  });
  const onTrouble = (source: string) => (error: Error) => onEvent({ type: 'trouble', source, error });

  const connection = starting.use(
    new QueueConnection({
      redisUrl,
      ...(options.prefix !== undefined && { prefix: options.prefix }),
      patience: 'patient',
      onTrouble: onTrouble('redis'),
    }),
  );
  const catalogue = new ModelCatalogue(connection);
  const consumers: TakesWork[] = [];
  for (const consumer of makeConsumers(connection, options, {
    onEvent,
    pools,
    onChunkGap: chunkGaps(metrics, executors),
  })) {
    metrics.jobs.expect({ queue: consumer.queue, kind: kindOf(consumer.queue) });
    consumers.push(consumer);
  }
  // For a start that fails: a worker that stops has closed them by then, before anything else.
  starting.defer(() => closeAll(consumers, 0));

  let ready = false;
  const server = createServer();
  starting.defer(() => closeWithin(server, SCRAPE_GRACE_MS));
  addProbes(server, {
    livez: async () => verdict(await whyNotAlive({ connection, consumers, waiting: waitingIn(connection) })),
    readyz: () => verdict(whyNotReady(connection, ready, stopping.signal)),
    startupz: () => verdict(ready ? undefined : STARTING),
  });
  server.get('/metrics', { config: { public: true } }, async (_request, reply) =>
    reply.type(metrics.contentType).send(await metrics.text()),
  );
  const { url, port } = await listen(server, {
    host: options.host ?? '127.0.0.1',
    port: options.port ?? 9464,
    variables: { host: 'WORKER_HOST', port: 'WORKER_PORT' },
  });

  await connection.waitUntilReady(Infinity, options.signal);
  if (options.storage !== undefined) {
    const batches = await prepareBatches({
      ...options.storage,
      connection,
      redisUrl,
      executors,
      catalogue,
      pools,
      chunksAtOnce: options.chunkConcurrency ?? 4,
      linesAtOnce: options.lineConcurrency ?? 64,
      ...(options.maxBatchLines !== undefined && { limits: { maxLines: options.maxBatchLines } }),
      lockMs: options.lockMs ?? 30_000,
      ...(options.reconcileEveryMs !== undefined && { reconcileEveryMs: options.reconcileEveryMs }),
      onEvent: observeBatches(metrics, logger),
      onJobEvent: onEvent,
      onTrouble,
      ...(options.webhook && { webhook: options.webhook }),
      ...(options.signal && { signal: options.signal }),
    });
    starting.use(batches);
    starting.defer(() => closeAll(batches.consumers, 0));
    consumers.push(...batches.consumers);
  }
  const announcer = starting.use(
    new Periodic({
      everyMs: ANNOUNCE_MS,
      limitMs: ANNOUNCE_LIMIT_MS,
      work: (signal) => announceModels(executors, catalogue, signal),
      onTrouble: onTrouble('model announcement'),
    }),
  );
  await announcer.start();
  const sharing = starting.use(new LimitSharing({ connection, executors, onTrouble: onTrouble('shared limits') }));
  await sharing.start();
  await Promise.all(consumers.map((consumer) => consumer.start()));

  let status: WorkerStatus | undefined;
  const heartbeat = starting.use(
    new Heartbeat({
      connection,
      workerId: id,
      version: VERSION,
      pools,
      consumers,
      executorHealth: (signal) => executors.health(signal),
      isDraining: () => stopping.signal.aborted,
      onBeat: (beat) => (status = beat),
      onTrouble: onTrouble('heartbeat'),
    }),
  );
  await heartbeat.start();
  metrics.watchWorker(() => ({
    queues: consumers.map(({ queue, slots, jobs }) => ({ queue, slots, busy: jobs.length, jobs: [] })),
    pools,
    beatAt: status?.beatAt ?? 0,
    executors: status?.executors ?? [],
  }));
  metrics.watchLimits(() => ({ endpoints: executors.limits(), waiting: executors.waiting() }));
  ready = true;
  logger.info({ workerId: id, url, pools, queues: consumers.map(({ queue }) => queue) }, 'worker takes jobs');

  starting.defer(async () => {
    stopping.abort();
    logger.info({ workerId: id, jobs: consumers.flatMap(({ jobs }) => jobs) }, 'worker stops');
    await closeAll(consumers, graceMs);
  });
  const running = starting.move();
  const close = async (): Promise<void> => {
    await running.disposeAsync();
    logger.info({ workerId: id }, 'worker stopped');
  };
  return { id, url, port, close, [Symbol.asyncDispose]: close };
}

async function closeAll(consumers: readonly TakesWork[], graceMs: number): Promise<void> {
  await Promise.all(consumers.map((consumer) => consumer.close({ graceMs })));
}

function makeConsumers(
  connection: QueueConnection,
  options: WorkerOptions,
  { onEvent, pools, onChunkGap }: { onEvent: OnJobEvent; pools: readonly string[]; onChunkGap: OnChunkGap },
): readonly Consumer[] {
  const { redisUrl, executors, concurrency = 50, fineTuneConcurrency = 1, lockMs = 30_000, backoff } = options;
  const tools: RunJobTools = {
    executors,
    quarantine: new Quarantine(),
    onChunkGap,
    onTrouble: (error) => onEvent({ type: 'trouble', source: 'run', error }),
    limits: {
      inference: { timeoutMs: options.timeoutMs ?? 10 * MINUTE_MS, suspectAfter: SUSPECT_AFTER.inference },
      'fine-tune': { timeoutMs: DAY_MS, suspectAfter: SUSPECT_AFTER['fine-tune'] },
    },
  };
  const shared = {
    redisUrl,
    runJob: ((lease) => runJob(lease, tools)) satisfies RunJob,
    onEvent,
    ...(backoff !== undefined && { backoff }),
  };
  const consumers = pools.map(
    (pool) => new Consumer(connection, { ...shared, queue: inferenceQueue(pool), concurrency, lockMs }),
  );
  if (fineTuneConcurrency === 0) return consumers;
  const fineTune = new Consumer(connection, {
    ...shared,
    queue: FINE_TUNE_QUEUE,
    concurrency: fineTuneConcurrency,
    lockMs: lockMs * FINE_TUNE_LOCK_FACTOR,
    stalledCheckMs: lockMs,
  });
  return [...consumers, fineTune];
}

function kindOf(queue: string): JobKind {
  return queue === FINE_TUNE_QUEUE ? 'fine-tune' : 'inference';
}

function chunkGaps(metrics: Metrics, executors: ExecutorRegistry): OnChunkGap {
  return ({ endpoint, model }, seconds) => {
    const provider = executors.resolve(model)?.executor.name;
    if (endpoint !== undefined && provider !== undefined) metrics.genAi.chunk({ endpoint, model, provider }, seconds);
  };
}

function waitingIn(connection: QueueConnection): (queue: string) => Promise<number> {
  return async (queue) => {
    const bull = connection.queue(queue);
    return (await bull.isPaused()) ? 0 : bull.getJobCountByTypes('waiting', 'prioritized');
  };
}

function whyNotReady(connection: QueueConnection, ready: boolean, stopping: AbortSignal): string | undefined {
  if (stopping.aborted) return 'draining: takes no more jobs';
  if (!ready) return STARTING;
  return connection.ready ? undefined : 'Redis cannot be reached';
}

function verdict(reason: string | undefined): { ok: boolean; reason?: string } {
  return reason === undefined ? { ok: true } : { ok: false, reason };
}
