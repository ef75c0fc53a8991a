import { EngineError } from '@llm-engine/contracts';
import type { InferenceEndpoint } from '@llm-engine/contracts';
import type { ModelExecutor } from '../executor.ts';
import type { Latency } from '../mock/latency.ts';
import { MockExecutor } from '../mock/mock-executor.ts';
import type { MockModel } from '../mock/settings.ts';
import { OpenAIExecutor } from '../openai/openai-executor.ts';
import type { AnswerSettings, EndpointSettings, ServedModel } from '../openai/settings.ts';
import { ExecutorRegistry } from '../registry.ts';
import type { APIS, EngineConfig, ModelConfig, ServerConfig } from './schema.ts';

export interface CreateExecutorsOptions {
  /** Where the keys that `apiKeyEnv` names are looked up: usually `process.env`. */
  readonly env: Readonly<Record<string, string | undefined>>;
}

type OpenAIModelConfig = Extract<ModelConfig, { executor: 'openai' }>;
type MockModelConfig = Extract<ModelConfig, { executor: 'mock' }>;
type LatencyConfig = NonNullable<MockModelConfig['latency']>;
type Environment = CreateExecutorsOptions['env'];

const ENDPOINT_OF: Readonly<Record<(typeof APIS)[number], InferenceEndpoint>> = {
  chat: '/v1/chat/completions',
  completions: '/v1/completions',
  embeddings: '/v1/embeddings',
};

/** Makes the executors that a configuration asks for. `refresh` the registry to learn their models. */
export function createExecutors(config: EngineConfig, { env }: CreateExecutorsOptions): ExecutorRegistry {
  const executors: ModelExecutor[] = [];
  const models = Object.entries(config.models);
  const mocks = models.flatMap(([id, model]) => (model.executor === 'mock' ? [mockModel(id, model)] : []));
  if (mocks.length > 0) executors.push(new MockExecutor({ models: mocks, ...defined(config.mock) }));
  const served = models.flatMap(([id, model]) => (model.executor === 'openai' ? [servedModel(id, model, env)] : []));
  const servers = config.servers.map((server, index) => ({
    ...endpointSettings(server.url, server, `servers[${index}]`, env),
    ...answerSettings(server),
  }));
  if (served.length > 0 || servers.length > 0) executors.push(new OpenAIExecutor({ models: served, servers }));
  return new ExecutorRegistry(executors);
}

function servedModel(id: string, model: OpenAIModelConfig, env: Environment): ServedModel {
  return {
    id,
    endpoints: model.endpoints.map((url) => endpointSettings(url, model, `models.${id}`, env)),
    ...defined({ upstreamModel: model.upstreamModel, ownedBy: model.ownedBy }),
    ...answerSettings(model),
  };
}

function endpointSettings(
  url: string,
  settings: OpenAIModelConfig | ServerConfig,
  path: string,
  env: Environment,
): EndpointSettings {
  return {
    url,
    ...defined({
      apiKey: settings.apiKeyEnv === undefined ? undefined : keyFrom(env, settings.apiKeyEnv, path),
      headers: settings.headers,
      concurrency: settings.concurrency,
      connectTimeoutMs: settings.connectTimeout,
    }),
  };
}

function keyFrom(env: Environment, variable: string, path: string): string {
  // A key that is read from a file often ends with a newline, which no header may hold.
  const key = env[variable]?.trim();
  if (key !== undefined && key !== '') return key;
  const message = `${path}.apiKeyEnv names the environment variable ${variable}, which is not set; set it, or remove apiKeyEnv.`;
  throw new EngineError('invalid_config', message);
}

function answerSettings(settings: OpenAIModelConfig | ServerConfig): AnswerSettings {
  return defined({
    timeoutMs: settings.timeout,
    headersTimeoutMs: settings.headersTimeout,
    idleTimeoutMs: settings.idleTimeout,
    maxResponseBytes: settings.maxResponse,
    includeUsage: settings.includeUsage,
    pool: settings.pool,
    apis: settings.apis?.map((api) => ENDPOINT_OF[api]),
  });
}

function mockModel(id: string, model: MockModelConfig): MockModel {
  return {
    id,
    ...defined({
      latency: model.latency === undefined ? undefined : latencyOf(model.latency),
      tokenLatency: model.tokenLatency === undefined ? undefined : latencyOf(model.tokenLatency),
      failureRates: model.failureRates === undefined ? undefined : defined(model.failureRates),
      trainable: model.trainable,
      training:
        model.training === undefined
          ? undefined
          : defined({
              steps: model.training.steps,
              stepMs: model.training.stepTime,
              checkpointEvery: model.training.checkpointEvery,
            }),
      pool: model.pool,
      apis: model.apis?.map((api) => ENDPOINT_OF[api]),
      ownedBy: model.ownedBy,
    }),
  };
}

function latencyOf(latency: LatencyConfig): Latency {
  if (latency.kind === 'fixed') return { kind: 'fixed', ms: latency.time };
  if (latency.kind === 'uniform') return { kind: 'uniform', minMs: latency.min, maxMs: latency.max };
  if (latency.kind === 'normal') return { kind: 'normal', meanMs: latency.mean, deviationMs: latency.deviation };
  return { kind: 'lognormal', medianMs: latency.median, sigma: latency.sigma };
}

type Defined<T> = { [Key in keyof T]?: Exclude<T[Key], undefined> };

/** Drops what is undefined, so that the receiver's default applies. */
function defined<T extends object>(fields: T): Defined<T> {
  const result: Defined<T> = {};
  for (const key of Object.keys(fields) as (keyof T)[]) {
    const value = fields[key];
    if (value !== undefined) result[key] = value as Exclude<T[keyof T], undefined>;
  }
  return result;
}
