import { FailureError } from '@llm-engine/contracts';
import type { Completed, InferenceBody, Priority } from '@llm-engine/contracts';
import { OpenAIExecutor } from '@llm-engine/executors';
import type { OpenAIExecutorOptions, ServedModel } from '@llm-engine/executors';
import { startModelServer } from './model-server.ts';
import type { ModelServer } from './model-server.ts';

const MESSAGES = [{ role: 'user', content: 'Say something.' }];

export interface OpenAISetup extends AsyncDisposable {
  readonly server: ModelServer;
  readonly executor: OpenAIExecutor;
}

/** A model server and an executor with the model `m` on it. */
export async function startOpenAI(
  settings: Partial<ServedModel> = {},
  options: OpenAIExecutorOptions = {},
): Promise<OpenAISetup> {
  const server = await startModelServer();
  const executor = new OpenAIExecutor({ ...options, models: [{ ...model(server), ...settings }] });
  return {
    server,
    executor,
    [Symbol.asyncDispose]: async () => {
      await executor[Symbol.asyncDispose]();
      await server[Symbol.asyncDispose]();
    },
  };
}

export function model(...servers: readonly ModelServer[]): ServedModel {
  return { id: 'm', endpoints: servers.map(({ url }) => ({ url })) };
}

export function limit(concurrency: number): (model: ServedModel) => ServedModel {
  return (model) => ({ ...model, endpoints: model.endpoints.map((endpoint) => ({ ...endpoint, concurrency })) });
}

interface InferSettings {
  readonly priority?: Priority;
  readonly signal?: AbortSignal;
  readonly onChunk?: (chunk: string) => void;
}

export function infer(
  executor: OpenAIExecutor,
  fields: Partial<InferenceBody> = {},
  { priority = 'standard', ...context }: InferSettings = {},
): Promise<Completed> {
  const body = { model: 'm', messages: MESSAGES, ...fields };
  return executor.infer(
    { jobId: 'job-1', endpoint: '/v1/chat/completions', body, priority },
    { signal: never(), ...context },
  );
}

export async function failureOf(promise: Promise<unknown>): Promise<unknown> {
  const error: unknown = await promise.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  return error instanceof FailureError ? error.failure : error;
}

export function never(): AbortSignal {
  return new AbortController().signal;
}
