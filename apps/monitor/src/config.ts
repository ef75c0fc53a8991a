import { engineSettings, hostSetting, portSetting, readSettings } from '@llm-engine/contracts';
import type { Environment } from '@llm-engine/contracts';
import { LOG_LEVELS } from '@llm-engine/observability';
import { FINE_TUNE_QUEUE, MAINTENANCE_QUEUE, isTaskQueue } from '@llm-engine/queue';
import { z } from 'zod';

const environment = z.object({
  ...engineSettings,
  MONITOR_HOST: hostSetting,
  MONITOR_PORT: portSetting(8081),
  LOG_LEVEL: z.enum(LOG_LEVELS).default('info'),
  /** How long an inference job should wait at most. */
  INFERENCE_WAIT_SLO_SECONDS: z.coerce.number().positive().default(60),
  /** How long a fine-tune should wait at most. */
  FINE_TUNE_WAIT_SLO_SECONDS: z.coerce.number().positive().default(3_600),
  /** How long a chunk of a batch should wait at most. */
  BATCH_WAIT_SLO_SECONDS: z.coerce.number().positive().default(86_400),
});

export type MonitorConfig = z.infer<typeof environment>;

/** Throws `invalid_config`, which names the setting at fault. */
export function readConfig(env: Environment): MonitorConfig {
  return readSettings(environment, env);
}

/** How long a job of each queue should wait at most, in seconds. */
export function waitSlo(config: Pick<MonitorConfig, `${'INFERENCE' | 'FINE_TUNE' | 'BATCH'}_WAIT_SLO_SECONDS`>) {
  return (queue: string): number => {
    if (queue === FINE_TUNE_QUEUE) return config.FINE_TUNE_WAIT_SLO_SECONDS;
    if (isTaskQueue(queue) && queue !== MAINTENANCE_QUEUE) return config.BATCH_WAIT_SLO_SECONDS;
    return config.INFERENCE_WAIT_SLO_SECONDS;
  };
}
