export type { FineTuneRun, InferContext, InferRequest, ModelExecutor, RunEvent, RunStatus } from './executor.ts';
export type { LimitExchange } from './limit-exchange.ts';
export { ExecutorRegistry } from './registry.ts';
export type { ResolvedModel } from './registry.ts';
export { MockExecutor } from './mock/mock-executor.ts';
export type { MockExecutorOptions, MockModel, MockTraining } from './mock/settings.ts';
export type { Latency } from './mock/latency.ts';
export { OpenAIExecutor } from './openai/openai-executor.ts';
export type {
  AnswerSettings,
  DiscoveredServer,
  EndpointSettings,
  OpenAIExecutorOptions,
  ServedModel,
} from './openai/settings.ts';
export { retryAfterMs } from './openai/retry-after.ts';
export type { CircuitOptions } from './openai/circuit.ts';
export { defineEngineConfig, loadEngineConfig, parseEngineConfig } from './config/load.ts';
export type { EngineConfig, EngineConfigInput } from './config/schema.ts';
export { createExecutors } from './config/create-executors.ts';
export type { CreateExecutorsOptions } from './config/create-executors.ts';
