import { once } from 'node:events';
import { EngineError, storageOf } from '@llm-engine/contracts';
import { createExecutors, loadEngineConfig } from '@llm-engine/executors';
import { createLogger } from '@llm-engine/observability';
import { readConfig, tuningOf } from './config.ts';
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
  const worker = await startWorker({
    redisUrl: config.REDIS_URL,
    prefix: config.LLM_ENGINE_PREFIX,
    executors,
    pools: config.WORKER_POOLS,
    ...tuningOf(config),
    ...(storage && { storage }),
    host: config.WORKER_HOST,
    port: config.WORKER_PORT,
    graceMs: config.WORKER_GRACE_SECONDS * 1_000,
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
