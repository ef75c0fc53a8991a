import { FailureError, failure, stopReason, worstOf } from '@llm-engine/contracts';
import type { Completed, EndpointLimit, ExecutorHealth, Failure, ModelInfo, Priority } from '@llm-engine/contracts';
import { untilAborted } from '../abort.ts';
import type { LimitExchange } from '../limit-exchange.ts';
import type { InferContext, InferRequest, ModelExecutor, RunEvent, RunStatus } from '../executor.ts';
import { SlotQueue } from '../slots.ts';
import { runAttempt } from './attempt.ts';
import type { Attempt, AttemptEnd, FailedEnd } from './attempt.ts';
import type { LimitedEnd } from './endpoint-limit.ts';
import type { Endpoint } from './endpoint.ts';
import { upstreamBody } from './request-body.ts';
import { Routes, sourceOf } from './routes.ts';
import type { Route } from './routes.ts';
import type { OpenAIExecutorOptions } from './settings.ts';

/** How often an interactive request asks for the place of a request that is less urgent, where the server has no room for both. */
const TRIES_FOR_ROOM = 3;
const ANSWERED: LimitedEnd = { kind: 'answered' };
const SAYS_NOTHING: LimitedEnd = { kind: 'undecided' };

/**
 * Serves models by OpenAI-compatible servers:
 * 1. finds the endpoints of a model, and waits for a slot of one that answers;
 * 2. sends the request, hands on the chunks, assembles the whole answer;
 * 3. moves on to the next endpoint where one cannot be reached or cannot serve, and lets it rest;
 * 4. says what failed, and whether another attempt makes sense;
 * 5. keeps no more requests at an endpoint than it takes, together with the other processes that use it.
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
        waitingFor: (endpoint) => this.#slots.waitingFor(endpoint),
        onRoom: () => this.#slots.admit(),
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
    const beganAt = performance.now();
    let { source } = route;
    let triesForRoom = TRIES_FOR_ROOM;
    for (;;) {
      const endpoint = await this.#slots.acquire(source, request.priority, context.signal);
      const attempt = await this.#attempt({ route, endpoint, request, body, context }, beganAt);
      if (attempt.kind === 'completed') return attempt;
      const others = source.holders.filter((candidate) => candidate !== endpoint);
      if (attempt.elsewhere && others.length > 0) source = sourceOf(others);
      else if (isCrowdedOut(request, attempt, endpoint) && triesForRoom > 0) triesForRoom -= 1;
      else throw new FailureError(attempt.failure, attempt);
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
      slots: sum(endpoints.map(({ limit }) => limit.limit)),
      slotsInUse: sum(endpoints.map(({ limit }) => limit.inUse)),
    };
  }

  async shareLimits(exchange: LimitExchange): Promise<void> {
    await this.#eachLimit((endpoint) =>
      endpoint.limit.exchange((change) => exchange.update(endpoint.sharedName, change)),
    );
  }

  async leaveLimits(exchange: LimitExchange): Promise<void> {
    await this.#eachLimit((endpoint) => endpoint.limit.leave((change) => exchange.update(endpoint.sharedName, change)));
  }

  limits(): readonly EndpointLimit[] {
    return this.#routes.endpoints.map(({ url, limit }) => ({
      executor: this.name,
      endpoint: new URL(url).host,
      limit: limit.limit,
      inUse: limit.inUse,
      paused: limit.paused,
      decreases: { ...limit.decreases },
    }));
  }

  waiting(): Readonly<Record<Priority, number>> {
    return this.#slots.waiting();
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

  /** One try at one endpoint, whose slot it gives back and whose limit and circuit hear of the end. */
  async #attempt(attempt: Attempt, beganAt: number): Promise<AttemptEnd> {
    const { endpoint, request, context } = attempt;
    const { ticket } = endpoint.limit;
    const sentAt = performance.now();
    let said: LimitedEnd = SAYS_NOTHING;
    endpoint.circuit.started();
    try {
      const end = await runAttempt(attempt);
      if (end.kind === 'failed' && this.#closedBy !== undefined) throw this.#closedBy;
      if (end.kind === 'failed' && end.endpointAtFault) endpoint.circuit.failed();
      else endpoint.circuit.answered();
      said = limitedEnd(end);
      return end;
    } catch (error) {
      endpoint.circuit.undecided();
      // A deadline that passed mostly while it waited here says nothing of the server.
      const atServer = performance.now() - sentAt >= sentAt - beganAt;
      if (atServer && stopReason(context.signal) === 'timeout') said = { kind: 'timeout' };
      throw error;
    } finally {
      endpoint.limit.ended(request.priority, ticket, said);
      this.#slots.admit();
    }
  }

  async #eachLimit(act: (endpoint: Endpoint) => Promise<void>): Promise<void> {
    await Promise.all(this.#routes.endpoints.map(act));
  }

  #cannotTrain(what: string): FailureError {
    const message = `The executor '${this.name}' serves models and cannot ${what}; name a base model of an executor that trains, such as 'mock'.`;
    return new FailureError(failure('unsupported', message));
  }
}

/** A caller who waits is not sent away for what other requests of ours take up: one of them ends soon. */
function isCrowdedOut(request: InferRequest, { failure: why }: FailedEnd, endpoint: Endpoint): boolean {
  return request.priority === 'interactive' && isRefusal(why) && endpoint.limit.background > 0;
}

function isRefusal({ class: failureClass }: Failure): boolean {
  return failureClass === 'rate_limited' || failureClass === 'overloaded';
}

function limitedEnd(end: AttemptEnd): LimitedEnd {
  if (end.kind === 'completed') {
    return end.firstChunkMs === undefined ? ANSWERED : { kind: 'answered', firstChunkMs: end.firstChunkMs };
  }
  if (!end.sent) return SAYS_NOTHING;
  if (isRefusal(end.failure)) return { kind: 'refused', retryAfterMs: end.failure.retryAfterMs };
  if (end.failure.class === 'timeout') return { kind: 'timeout' };
  return ANSWERED;
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0);
}
