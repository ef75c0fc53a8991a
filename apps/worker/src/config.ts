import {
  engineSettings,
  hostSetting,
  portSetting,
  readSettings,
  storageSettings,
  webhookOf,
  webhookSettings,
} from '@llm-engine/contracts';
import type { Environment } from '@llm-engine/contracts';
import { LOG_LEVELS } from '@llm-engine/observability';
import { z } from 'zod';
import type { WorkerOptions } from './worker.ts';

const seconds = z.coerce.number().nonnegative().max(86_400);

const environment = z.object({
  ...engineSettings,
  ...storageSettings,
  ...webhookSettings,
  /** The file that says which models there are, and what runs them. */
  LLM_ENGINE_CONFIG: z.string().min(1).default('engine.yaml'),
  WORKER_HOST: hostSetting,
  WORKER_PORT: portSetting(9464),
  /** Pools whose inference jobs it takes, separated by commas. */
  WORKER_POOLS: z
    .string()
    .default('default')
    .transform((text) => text.split(',').map((pool) => pool.trim()))
    .pipe(z.array(z.string().regex(/^[a-z0-9][a-z0-9_-]{0,62}$/, 'must be pool names separated by commas')).min(1)),
  /** Inference jobs that run at once, for each pool. */
  WORKER_CONCURRENCY: z.coerce.number().int().min(1).max(10_000).default(50),
  /** Fine-tunes that run at once; 0 to take none. */
  WORKER_FINE_TUNE_CONCURRENCY: z.coerce.number().int().min(0).max(1_000).default(1),
  /** Chunks of batches that run at once, for each pool; 0 to take none. */
  WORKER_CHUNK_CONCURRENCY: z.coerce.number().int().min(0).max(1_000).default(4),
  /** Lines of one chunk that run at once. The limits of the endpoints hold besides. */
  WORKER_LINE_CONCURRENCY: z.coerce.number().int().min(1).max(10_000).default(64),
  /** Requests in a batch's file. */
  BATCH_MAX_LINES: z.coerce.number().int().min(1).max(10_000_000).default(50_000),
  /** How long jobs that run may go on after a stop, before they are handed over. */
  WORKER_GRACE_SECONDS: seconds.default(10),
  /** Life of a job's lock: a worker that dies is noticed after it. */
  WORKER_LOCK_SECONDS: seconds.min(1).default(30),
  LOG_LEVEL: z.enum(LOG_LEVELS).default('info'),
});

export type WorkerConfig = z.infer<typeof environment>;

/** Throws `invalid_config`, which names the setting at fault. */
export function readConfig(env: Environment): WorkerConfig {
  return readSettings(environment, env);
}

/** What tunes a worker, wherever it runs: all but where it is, and whom it works for. */
export function tuningOf(config: WorkerConfig) {
  const webhook = webhookOf(config);
  return {
    concurrency: config.WORKER_CONCURRENCY,
    fineTuneConcurrency: config.WORKER_FINE_TUNE_CONCURRENCY,
    chunkConcurrency: config.WORKER_CHUNK_CONCURRENCY,
    lineConcurrency: config.WORKER_LINE_CONCURRENCY,
    maxBatchLines: config.BATCH_MAX_LINES,
    lockMs: config.WORKER_LOCK_SECONDS * 1_000,
    ...(webhook && { webhook }),
  } satisfies Partial<WorkerOptions>;
}
