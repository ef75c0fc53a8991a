import { z } from 'zod';
import { FAILURE_CLASSES } from '../mock/script.ts';
import { duration, timeSpan } from './duration.ts';
import { size } from './size.ts';

const name = z.string({ error: 'must be a name' }).min(1, 'must not be empty').max(512, 'is at most 512 characters');

const poolName = z
  .string({ error: 'must be a name' })
  .regex(/^[a-z0-9][a-z0-9_-]{0,62}$/, 'must be lower-case letters, digits, - and _, at most 63 characters');

const serverUrl = z.string({ error: 'must be a URL such as http://gpu-1:8000/v1' }).superRefine((text, context) => {
  const problem = urlProblem(text);
  if (problem !== undefined) context.addIssue({ code: 'custom', message: problem });
});

const envName = z
  .string({ error: 'must be the name of an environment variable' })
  .regex(/^[A-Za-z_][A-Za-z0-9_]*$/, 'must be the name of an environment variable, not the key itself');

const headers = z.record(
  z.string().regex(/^[A-Za-z0-9!#$%&'*+.^_`|~-]+$/, 'is no header name'),
  z.string({ error: 'must be a string; put numbers in quotes' }),
);

/** What an engine.yaml calls the inference endpoints. */
export const APIS = ['chat', 'completions', 'embeddings'] as const;

/** What every model may say. */
const modelSettings = {
  /** The queue pool of its jobs. Default `default`. */
  pool: poolName.optional(),
  /** Default all. */
  apis: z.array(z.enum(APIS)).min(1, 'must name at least one').optional(),
  ownedBy: name.optional(),
};

/** How a server is reached and how its answers are bounded; the same for one model and for a whole server. */
const serverSettings = {
  apiKeyEnv: envName.optional(),
  headers: headers.optional(),
  concurrency: z.int().positive().max(100_000).optional(),
  connectTimeout: timeSpan.optional(),
  timeout: timeSpan.optional(),
  headersTimeout: timeSpan.optional(),
  idleTimeout: timeSpan.optional(),
  maxResponse: size.optional(),
  includeUsage: z.boolean().optional(),
};

const openaiModel = z.strictObject({
  executor: z.literal('openai'),
  endpoints: z.array(serverUrl).min(1, 'must name at least one server'),
  upstreamModel: name.optional(),
  ...serverSettings,
  ...modelSettings,
});

const latency = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('fixed'), time: duration }),
  z.strictObject({ kind: z.literal('uniform'), min: duration, max: duration }),
  z.strictObject({ kind: z.literal('normal'), mean: duration, deviation: duration }),
  z.strictObject({ kind: z.literal('lognormal'), median: duration, sigma: z.number().nonnegative().max(5) }),
]);

const failureRates = z
  .partialRecord(z.enum(FAILURE_CLASSES), z.number().min(0).max(1))
  .refine((rates) => Object.values(rates).reduce((sum, rate) => sum + rate, 0) <= 1, 'must be at most 1 in all');

const mockModel = z.strictObject({
  executor: z.literal('mock'),
  latency: latency.optional(),
  tokenLatency: latency.optional(),
  failureRates: failureRates.optional(),
  trainable: z.boolean().optional(),
  training: z
    .strictObject({
      steps: z.int().positive().max(1_000_000).optional(),
      stepTime: duration.optional(),
      checkpointEvery: z.int().positive().optional(),
    })
    .optional(),
  ...modelSettings,
});

const server = z.strictObject({
  url: serverUrl,
  ...serverSettings,
  pool: modelSettings.pool,
  apis: modelSettings.apis,
});

/** The whole file. docs/engine-yaml.md describes each option with its unit and default. */
export const engineConfig = z.strictObject({
  models: z.record(name, z.discriminatedUnion('executor', [openaiModel, mockModel])).default({}),
  servers: z.array(server).default([]),
  mock: z
    .strictObject({
      seed: z.int().nonnegative().optional(),
      concurrency: z.int().positive().max(100_000).optional(),
      allowCrash: z.boolean().optional(),
    })
    .default({}),
});

/** What an engine.yaml says, as it is written: durations and sizes are text. */
export type EngineConfigInput = z.input<typeof engineConfig>;
/** Durations are in milliseconds, sizes in bytes. */
export type EngineConfig = z.infer<typeof engineConfig>;
export type ModelConfig = EngineConfig['models'][string];
export type ServerConfig = EngineConfig['servers'][number];

function urlProblem(text: string): string | undefined {
  if (!URL.canParse(text)) return 'must be a URL such as http://gpu-1:8000/v1';
  const url = new URL(text);
  if (url.protocol !== 'http:' && url.protocol !== 'https:') return 'must begin with http:// or https://';
  if (url.username !== '' || url.password !== '') return 'must not hold a user or a password; name a key by apiKeyEnv';
  if (url.search !== '' || url.hash !== '') return 'must end with its path, without ? or #';
  return undefined;
}
