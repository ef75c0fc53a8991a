import { LOG_LEVELS } from '@llm-engine/observability';
import type { LogLevel } from '@llm-engine/observability';
import { z } from 'zod';
import { DEFAULT_HOME } from './home.ts';
import { StartError } from './start-error.ts';

export type Environment = Readonly<Record<string, string | undefined>>;

interface Address {
  readonly host: string;
  /** 0 for any free port. */
  readonly port: number;
}

/** What the environment says of an engine. */
export interface Settings {
  readonly home: string;
  readonly producer: Address;
  readonly monitor: Address;
  readonly worker: Address;
  /** A Redis that runs already, instead of the embedded one. */
  readonly redisUrl?: string;
  /** A PostgreSQL that runs already, instead of the embedded one. */
  readonly databaseUrl?: string;
  /** A folder or an `s3://` bucket for the bytes of files, instead of a folder in the home. */
  readonly storageUrl?: string;
  /** Tells engines apart that share a Redis. */
  readonly prefix?: string;
  /** The engine.yaml; where it is not named, the one in the working directory, if there is one. */
  readonly configFile?: string;
  /** An OpenAI-compatible server whose models are offered by their own names. */
  readonly modelUrl?: string;
  /** What the terminal shows. Default `warn`. */
  readonly logLevel: LogLevel;
}

const LOOPBACK = '127.0.0.1';

const text = z.string().trim().min(1).optional();
const host = text.default(LOOPBACK);
const port = (fallback: number) =>
  z
    .string()
    .regex(/^\d{1,5}$/, 'must be a port: a whole number from 0 (any free one) to 65535')
    .transform(Number)
    .refine((value) => value <= 65_535, 'must be a port: a whole number from 0 (any free one) to 65535')
    .default(fallback);
const url = (protocols: RegExp, example: string) =>
  text.refine((value) => value === undefined || isUrl(value, protocols), `must be a URL such as ${example}`);

const environment = z.object({
  LLM_ENGINE_HOME: text.default(DEFAULT_HOME),
  PRODUCER_HOST: host,
  PRODUCER_PORT: port(8080),
  MONITOR_HOST: host,
  MONITOR_PORT: port(8081),
  WORKER_HOST: host,
  WORKER_PORT: port(9464),
  REDIS_URL: url(/^rediss?:$/, 'redis://127.0.0.1:6379'),
  DATABASE_URL: url(/^postgres(ql)?:$/, 'postgres://user:password@127.0.0.1:5432/database'),
  STORAGE_URL: text,
  LLM_ENGINE_PREFIX: text,
  LLM_ENGINE_CONFIG: text,
  MODEL_URL: url(/^https?:$/, 'http://127.0.0.1:11434/v1'),
  LOG_LEVEL: z.enum(LOG_LEVELS, `must be one of ${LOG_LEVELS.join(', ')}`).default('warn'),
});

/** An empty variable counts as not set. */
export function readSettings(env: Environment): Settings {
  const present = Object.fromEntries(Object.entries(env).filter(([, value]) => value !== undefined && value !== ''));
  const parsed = environment.safeParse(present);
  if (!parsed.success) {
    const problems = parsed.error.issues.map(({ path, message }) => {
      const name = String(path[0]);
      return `${name} is '${present[name]}'; it ${message}.`;
    });
    throw new StartError('invalid_setting', problems.join('\n'));
  }
  const values = parsed.data;
  return {
    home: values.LLM_ENGINE_HOME,
    producer: { host: values.PRODUCER_HOST, port: values.PRODUCER_PORT },
    monitor: { host: values.MONITOR_HOST, port: values.MONITOR_PORT },
    worker: { host: values.WORKER_HOST, port: values.WORKER_PORT },
    logLevel: values.LOG_LEVEL,
    ...(values.REDIS_URL !== undefined && { redisUrl: values.REDIS_URL }),
    ...(values.DATABASE_URL !== undefined && { databaseUrl: values.DATABASE_URL }),
    ...(values.STORAGE_URL !== undefined && { storageUrl: values.STORAGE_URL }),
    ...(values.LLM_ENGINE_PREFIX !== undefined && { prefix: values.LLM_ENGINE_PREFIX }),
    ...(values.LLM_ENGINE_CONFIG !== undefined && { configFile: values.LLM_ENGINE_CONFIG }),
    ...(values.MODEL_URL !== undefined && { modelUrl: values.MODEL_URL }),
  };
}

function isUrl(value: string, protocols: RegExp): boolean {
  return URL.canParse(value) && protocols.test(new URL(value).protocol);
}
