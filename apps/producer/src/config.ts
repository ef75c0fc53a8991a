import { engineSettings, hostSetting, portSetting, readSettings, storageSettings } from '@llm-engine/contracts';
import type { Environment } from '@llm-engine/contracts';
import { LOG_LEVELS } from '@llm-engine/observability';
import { z } from 'zod';
import type { ProducerOptions } from './start-producer.ts';

const MIB = 1024 * 1024;
const MB = 1_000_000;
const GB = 1_000 * MB;
const DAY_MS = 24 * 3_600_000;

const environment = z.object({
  ...engineSettings,
  ...storageSettings,
  PRODUCER_HOST: hostSetting,
  PRODUCER_PORT: portSetting(8080),
  /** Largest request body, in bytes. Redis holds bodies until their jobs have run. */
  PRODUCER_BODY_LIMIT: z.coerce
    .number()
    .int()
    .min(1_024)
    .max(512 * MIB)
    .default(10 * MIB),
  /** Largest file that is taken, in bytes. Files go into the object store while they come, so memory sets no limit. */
  FILE_MAX_BYTES: z.coerce
    .number()
    .int()
    .min(1)
    .max(1_000 * GB)
    .default(512 * MB),
  /** Largest input file of a batch, in bytes. */
  BATCH_MAX_INPUT_BYTES: z.coerce
    .number()
    .int()
    .min(1)
    .max(1_000 * GB)
    .default(200 * MB),
  /** How long a synchronous request waits for its job, in milliseconds. OpenAI's client waits for ten minutes. */
  PRODUCER_SYNC_TIMEOUT_MS: z.coerce.number().int().min(1).max(DAY_MS).default(600_000),
  /** How long a stop waits for the requests in flight, in milliseconds. Keep it below what the platform grants. */
  PRODUCER_GRACE_MS: z.coerce.number().int().min(0).max(DAY_MS).default(20_000),
  LOG_LEVEL: z.enum(LOG_LEVELS).default('info'),
});

export type ProducerConfig = z.infer<typeof environment>;

/** Throws `invalid_config`, which names the setting at fault. */
export function readConfig(env: Environment): ProducerConfig {
  return readSettings(environment, env);
}

/** What tunes a producer, wherever it runs: all but where it is, and whom it works for. */
export function tuningOf(config: ProducerConfig) {
  return {
    bodyLimit: config.PRODUCER_BODY_LIMIT,
    maxFileBytes: config.FILE_MAX_BYTES,
    maxBatchInputBytes: config.BATCH_MAX_INPUT_BYTES,
    syncTimeoutMs: config.PRODUCER_SYNC_TIMEOUT_MS,
  } satisfies Partial<ProducerOptions>;
}
