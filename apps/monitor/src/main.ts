import { once } from 'node:events';
import { EngineError } from '@llm-engine/contracts';
import { Access } from '@llm-engine/http';
import { createLogger } from '@llm-engine/observability';
import { readConfig, waitSlo } from './config.ts';
import { startMonitor } from './monitor.ts';
import { VERSION } from './version.ts';

// Listened for from the beginning: a signal that comes during the start stops what was started.
const stop = Promise.race([once(process, 'SIGTERM'), once(process, 'SIGINT')]);
try {
  const config = readConfig(process.env);
  const logger = createLogger({
    service: 'monitor',
    version: VERSION,
    level: config.LOG_LEVEL,
    pretty: process.stdout.isTTY,
  });
  const monitor = await startMonitor({
    redisUrl: config.REDIS_URL,
    prefix: config.LLM_ENGINE_PREFIX,
    host: config.MONITOR_HOST,
    port: config.MONITOR_PORT,
    access: await Access.fromEnv(process.env),
    logger,
    waitSloSeconds: waitSlo(config),
  });
  await stop;
  await monitor.close();
} catch (error) {
  if (!(error instanceof EngineError)) throw error;
  process.stderr.write(`llm-engine monitor: ${error.message}\n`);
  process.exitCode = 1;
}
