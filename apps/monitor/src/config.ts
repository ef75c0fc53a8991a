import { EngineError, describeIssue } from '@llm-engine/contracts';
import { LOG_LEVELS } from '@llm-engine/observability';
import { FINE_TUNE_QUEUE } from '@llm-engine/queue';
import { z } from 'zod';

type Env = Readonly<Record<string, string | undefined>>;

const environment = z.object({
  REDIS_URL: z
    .url({ protocol: /^rediss?$/, error: 'must look like redis://host:6379 or rediss://user:password@host:6379/0' })
    .default('redis://127.0.0.1:6379'),
  /** Engines with different prefixes share a Redis without seeing each other. */
  LLM_ENGINE_PREFIX: z.string().min(1).max(100).default('llm-engine'),
  MONITOR_HOST: z.string().min(1).default('127.0.0.1'),
  /** 0 for any free port. */
  MONITOR_PORT: z.coerce.number().int().min(0).max(65_535).default(8081),
  LOG_LEVEL: z.enum(LOG_LEVELS).default('info'),
  /** How long an inference job should wait at most. */
  INFERENCE_WAIT_SLO_SECONDS: z.coerce.number().positive().default(60),
  /** How long a fine-tune should wait at most. */
  FINE_TUNE_WAIT_SLO_SECONDS: z.coerce.number().positive().default(3_600),
});

export type MonitorConfig = z.infer<typeof environment>;

/** Throws `invalid_config`, which names the setting at fault. A setting that is empty counts as not set. */
export function readConfig(env: Env): MonitorConfig {
  const parsed = environment.safeParse(Object.fromEntries(Object.entries(env).filter(([, value]) => value !== '')));
  if (parsed.success) return parsed.data;
  const { message } = describeIssue(parsed.error);
  throw new EngineError('invalid_config', `The setting ${message}. Change it and start again.`, {
    cause: parsed.error,
  });
}

/** How long a job of each queue should wait at most, in seconds. */
export function waitSlo(config: Pick<MonitorConfig, `${'INFERENCE' | 'FINE_TUNE'}_WAIT_SLO_SECONDS`>) {
  return (queue: string): number =>
    queue === FINE_TUNE_QUEUE ? config.FINE_TUNE_WAIT_SLO_SECONDS : config.INFERENCE_WAIT_SLO_SECONDS;
}
