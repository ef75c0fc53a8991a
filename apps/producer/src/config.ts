import { EngineError, describeIssue } from '@llm-engine/contracts';
import { LOG_LEVELS } from '@llm-engine/observability';
import { z } from 'zod';

const MIB = 1024 * 1024;
const DAY_MS = 24 * 3_600_000;

const environment = z.object({
  REDIS_URL: z
    .url({ protocol: /^rediss?$/, error: 'must look like redis://host:6379 or rediss://user:password@host:6379/0' })
    .default('redis://127.0.0.1:6379'),
  /** Engines with different prefixes share a Redis without seeing each other. */
  LLM_ENGINE_PREFIX: z.string().min(1).max(100).default('llm-engine'),
  /** Others than loopback need API keys. */
  PRODUCER_HOST: z.string().min(1).default('127.0.0.1'),
  /** 0 for any free port. */
  PRODUCER_PORT: z.coerce.number().int().min(0).max(65_535).default(8080),
  /** Largest request body, in bytes. Redis holds bodies until their jobs have run. */
  PRODUCER_BODY_LIMIT: z.coerce
    .number()
    .int()
    .min(1_024)
    .max(512 * MIB)
    .default(10 * MIB),
  /** How long a synchronous request waits for its job, in milliseconds. OpenAI's client waits for ten minutes. */
  PRODUCER_SYNC_TIMEOUT_MS: z.coerce.number().int().min(1).max(DAY_MS).default(600_000),
  /** How long a stop waits for the requests in flight, in milliseconds. Keep it below what the platform grants. */
  PRODUCER_GRACE_MS: z.coerce.number().int().min(0).max(DAY_MS).default(20_000),
  LOG_LEVEL: z.enum(LOG_LEVELS).default('info'),
});

export type ProducerConfig = z.infer<typeof environment>;

/** Throws `invalid_config`, which names the setting at fault. A setting that is empty counts as not set. */
export function readConfig(env: Readonly<Record<string, string | undefined>>): ProducerConfig {
  const parsed = environment.safeParse(Object.fromEntries(Object.entries(env).filter(([, value]) => value !== '')));
  if (parsed.success) return parsed.data;
  const { message } = describeIssue(parsed.error);
  throw new EngineError('invalid_config', `The setting ${message}. Change it and start again.`, {
    cause: parsed.error,
  });
}
