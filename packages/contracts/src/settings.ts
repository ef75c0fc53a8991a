import { z } from 'zod';
import { EngineError } from './errors.ts';
import { describeIssue } from './issues.ts';

export type Environment = Readonly<Record<string, string | undefined>>;

/** Settings that every process of an engine has. */
export const engineSettings = {
  REDIS_URL: z
    .url({ protocol: /^rediss?$/, error: 'must look like redis://host:6379 or rediss://user:password@host:6379/0' })
    .default('redis://127.0.0.1:6379'),
  /** Engines with different prefixes share a Redis without seeing each other. */
  LLM_ENGINE_PREFIX: z.string().min(1).max(100).default('llm-engine'),
};

/** Where a server listens. Others than loopback need API keys, unless the server holds nothing secret. */
export const hostSetting = z.string().min(1).default('127.0.0.1');

/** 0 for any free port. */
export function portSetting(fallback: number) {
  const message = 'must be a port: a whole number from 0 (any free one) to 65535';
  return z
    .string()
    .regex(/^\d{1,5}$/, message)
    .transform(Number)
    .refine((port) => port <= 65_535, message)
    .default(fallback);
}

/**
 * Reads a process's settings from its environment. A setting that is empty counts as not set.
 * Throws `invalid_config`, which names the setting at fault.
 */
export function readSettings<Schema extends z.ZodType>(schema: Schema, env: Environment): z.infer<Schema> {
  const parsed = schema.safeParse(Object.fromEntries(Object.entries(env).filter(([, value]) => value !== '')));
  if (parsed.success) return parsed.data;
  const { message } = describeIssue(parsed.error);
  throw new EngineError('invalid_config', `The setting ${message}. Change it and start again.`, {
    cause: parsed.error,
  });
}

/** Settings of the processes that make, run or show batches. Neither: there are none. */
export const storageSettings = {
  /** The engine's PostgreSQL: postgres://user:password@host:5432/database. */
  DATABASE_URL: z
    .url({ protocol: /^postgres(ql)?$/, error: 'must look like postgres://user:password@host:5432/database' })
    .optional(),
  /** Where the bytes of files lie, the same for all processes: a folder, or s3://bucket/prefix. */
  STORAGE_URL: z.string().min(1).optional(),
};

export interface StorageSettings {
  readonly databaseUrl: string;
  readonly storageUrl: string;
}

/** Undefined where there is no storage. Throws `invalid_config` where one of the two settings is missing. */
export function storageOf({
  DATABASE_URL: databaseUrl,
  STORAGE_URL: storageUrl,
}: {
  readonly DATABASE_URL?: string | undefined;
  readonly STORAGE_URL?: string | undefined;
}): StorageSettings | undefined {
  if (databaseUrl !== undefined && storageUrl !== undefined) return { databaseUrl, storageUrl };
  if (databaseUrl === undefined && storageUrl === undefined) return undefined;
  const [given, missing] =
    databaseUrl === undefined ? ['STORAGE_URL', 'DATABASE_URL'] : ['DATABASE_URL', 'STORAGE_URL'];
  throw new EngineError('invalid_config', `The setting ${given} needs ${missing} beside it. Set both, or neither.`);
}
