import { once } from 'node:events';
import { EngineError, storageOf } from '@llm-engine/contracts';
import { Access } from '@llm-engine/http';
import { createLogger } from '@llm-engine/observability';
import { readConfig, tuningOf } from './config.ts';
import { startProducer } from './start-producer.ts';
import { VERSION } from './version.ts';

// Listened for from the beginning: a signal that comes during the start stops what was started.
const stop = Promise.race([once(process, 'SIGTERM'), once(process, 'SIGINT')]);
try {
  const config = readConfig(process.env);
  const logger = createLogger({
    service: 'producer',
    version: VERSION,
    level: config.LOG_LEVEL,
    pretty: process.stdout.isTTY,
  });
  const storage = storageOf(config);
  const producer = await startProducer({
    redisUrl: config.REDIS_URL,
    prefix: config.LLM_ENGINE_PREFIX,
    ...(storage && { storage }),
    host: config.PRODUCER_HOST,
    port: config.PRODUCER_PORT,
    access: await Access.fromEnv(process.env),
    logger,
    ...tuningOf(config),
    graceMs: config.PRODUCER_GRACE_MS,
  });
  await stop;
  await producer.close();
} catch (error) {
  if (!(error instanceof EngineError)) throw error;
  process.stderr.write(`llm-engine producer: ${error.message}\n`);
  process.exitCode = 1;
}
