import { once } from 'node:events';
import { EngineError, storageOf, webhookOf } from '@llm-engine/contracts';
import { createExecutors, loadEngineConfig } from '@llm-engine/executors';
import { createLogger } from '@llm-engine/observability';
import { readConfig } from './config.ts';
import { VERSION } from './version.ts';
import { startWorker } from './worker.ts';

// Listened for from the beginning: a signal that comes during the start stops what was started.
const stop = new AbortController();
for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => stop.abort());
try {
  const config = readConfig(process.env);
  const logger = createLogger({
    service: 'worker',
    version: VERSION,
    level: config.LOG_LEVEL,
    pretty: process.stdout.isTTY,
  });
  await using executors = createExecutors(await loadEngineConfig(config.LLM_ENGINE_CONFIG), { env: process.env });
  const storage = storageOf(config);
  const webhook = webhookOf(config);
  const worker = await startWorker({
    redisUrl: config.REDIS_URL,
    prefix: config.LLM_ENGINE_PREFIX,
    executors,
    pools: config.WORKER_POOLS,
    concurrency: config.WORKER_CONCURRENCY,
    fineTuneConcurrency: config.WORKER_FINE_TUNE_CONCURRENCY,
    ...(storage && { storage }),
    ...(webhook && { webhook }),
    chunkConcurrency: config.WORKER_CHUNK_CONCURRENCY,
    lineConcurrency: config.WORKER_LINE_CONCURRENCY,
    maxBatchLines: config.BATCH_MAX_LINES,
    host: config.WORKER_HOST,
    port: config.WORKER_PORT,
    graceMs: config.WORKER_GRACE_SECONDS * 1_000,
    lockMs: config.WORKER_LOCK_SECONDS * 1_000,
    logger,
    signal: stop.signal,
  });
  if (!stop.signal.aborted) await once(stop.signal, 'abort');
  await worker.close();
} catch (error) {
  // A stop during the start is no failure.
  if (!stop.signal.aborted) {
    if (!(error instanceof EngineError)) throw error;
    process.stderr.write(`llm-engine worker: ${error.message}\n`);
    process.exitCode = 1;
  }
}
// Everything has been closed; what still waits for a Redis that is away must not keep the process.
process.exit();
