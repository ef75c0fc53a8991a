import { FailureError, failure, worstOf } from '@llm-engine/contracts';
import type { Completed, ExecutorHealth, ModelInfo } from '@llm-engine/contracts';
import { untilAborted } from '../abort.ts';
import type { InferContext, InferRequest, ModelExecutor, RunEvent, RunStatus } from '../executor.ts';
import { SlotQueue } from '../slots.ts';
import { runAttempt } from './attempt.ts';
import type { Attempt, AttemptEnd } from './attempt.ts';
import { chooseEndpoint } from './choose-endpoint.ts';
import type { Endpoint } from './endpoint.ts';
import { upstreamBody } from './request-body.ts';
import { Routes } from './routes.ts';
import type { Route } from './routes.ts';
import type { OpenAIExecutorOptions } from './settings.ts';

/**
 * Serves models by OpenAI-compatible servers:
 * 1. finds the endpoints of a model, and waits for a slot of one that answers;
 * 2. sends the request, hands on the chunks, assembles the whole answer;
 * 3. moves on to the next endpoint where one cannot be reached or cannot serve, and lets it rest;
 * 4. says what failed, and whether another attempt makes sense.
 */
export class OpenAIExecutor implements ModelExecutor {
  readonly name: string;
  readonly #routes: Routes;
  readonly #slots = new SlotQueue<Endpoint>();
  #closedBy: FailureError | undefined;

  constructor(options: OpenAIExecutorOptions = {}) {
    this.name = options.name ?? 'openai';
    this.#routes = new Routes({
      executor: this.name,
      models: options.models ?? [],
      servers: options.servers ?? [],
      endpoint: {
        circuit: options.circuit ?? {},
        healthTtlMs: options.healthTtlMs ?? 5000,
        probeTimeoutMs: options.probeTimeoutMs ?? 2000,
      },
      created: Math.floor(Date.now() / 1000),
    });
  }

  async models(signal: AbortSignal): Promise<readonly ModelInfo[]> {
    await untilAborted(this.#routes.discover(), signal);
    return this.#routes.models();
  }

  async infer(request: InferRequest, context: InferContext): Promise<Completed> {
    const route = this.#route(request);
    const body = upstreamBody(request, route.upstreamModel, route.includeUsage);
    let candidates = route.endpoints;
    for (;;) {
      const endpoint = await this.#slots.acquire(() => chooseEndpoint(candidates), context.signal);
      const attempt = await this.#attempt({ route, endpoint, request, body, context });
      if (attempt.kind === 'completed') return attempt;
      candidates = candidates.filter((candidate) => candidate !== endpoint);
      if (!attempt.elsewhere || candidates.length === 0) throw new FailureError(attempt.failure, attempt);
    }
  }

  async fineTune(): Promise<string> {
    throw this.#cannotTrain('start a fine-tune');
  }

  async getJobStatus(): Promise<RunStatus | undefined> {
    throw this.#cannotTrain('know a fine-tune');
  }

  watchJob(): AsyncIterable<RunEvent> {
    const error = this.#cannotTrain('watch a fine-tune');
    return { [Symbol.asyncIterator]: () => ({ next: () => Promise.reject(error) }) };
  }

  async cancelJob(): Promise<void> {
    throw this.#cannotTrain('cancel a fine-tune');
  }

  async healthCheck(signal: AbortSignal): Promise<ExecutorHealth> {
    const { endpoints } = this.#routes;
    const probes = await untilAborted(
      Promise.all(endpoints.map((endpoint) => endpoint.probe({ fresh: false }))),
      signal,
    );
    const troubles = probes.flatMap(({ trouble }) => (trouble === undefined ? [] : [trouble]));
    const allDown = troubles.length > 0 && troubles.length === endpoints.length;
    return {
      executor: this.name,
      status: allDown ? 'fail' : worstOf(troubles.map(() => 'warn' as const)),
      ...(troubles.length === 0 ? {} : { detail: troubles.join(' ') }),
      slots: sum(endpoints.map((endpoint) => endpoint.slots)),
      slotsInUse: sum(endpoints.map((endpoint) => endpoint.inUse)),
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closedBy ??= new FailureError(
      failure(
        'connection',
        `The executor '${this.name}' was closed while the request ran; another attempt runs it again.`,
      ),
    );
    const error = this.#closedBy;
    this.#slots.close(error);
    await Promise.all(this.#routes.endpoints.map((endpoint) => endpoint.destroy(error)));
  }

  #route({ body, endpoint }: InferRequest): Route {
    const route = this.#routes.get(body.model);
    if (route === undefined) {
      const message = `The executor '${this.name}' does not serve the model '${body.model}'; see /v1/models for those that it serves.`;
      throw new FailureError(failure('not_found', message, { code: 'model_not_found', param: 'model' }));
    }
    if (!route.info.endpoints.includes(endpoint)) {
      const message = `The model '${body.model}' does not answer ${endpoint}, only ${route.info.endpoints.join(', ')}.`;
      throw new FailureError(failure('unsupported', message, { param: 'model' }));
    }
    return route;
  }

  /** One try at one endpoint, whose slot it gives back and whose circuit hears of the end. */
  async #attempt(attempt: Attempt): Promise<AttemptEnd> {
    const { endpoint } = attempt;
    endpoint.circuit.started();
    try {
      const end = await runAttempt(attempt);
      if (end.kind === 'failed' && this.#closedBy !== undefined) throw this.#closedBy;
      if (end.kind === 'failed' && end.endpointAtFault) endpoint.circuit.failed();
      else endpoint.circuit.answered();
      return end;
    } catch (error) {
      endpoint.circuit.undecided();
      throw error;
    } finally {
      this.#slots.release(endpoint);
    }
  }

  #cannotTrain(what: string): FailureError {
    const message = `The executor '${this.name}' serves models and cannot ${what}; name a base model of an executor that trains, such as 'mock'.`;
    return new FailureError(failure('unsupported', message));
  }
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0);
}
