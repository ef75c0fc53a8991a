import type { EndpointLimit, ExecutorHealth, ModelInfo, Priority } from '@llm-engine/contracts';
import type { ModelExecutor } from './executor.ts';
import type { LimitExchange } from './limit-exchange.ts';

export interface ResolvedModel {
  readonly executor: ModelExecutor;
  readonly model: ModelInfo;
}

/**
 * Says which executor runs which model:
 * 1. `resolve` answers at once, from what the last `refresh` found;
 * 2. `refresh` asks the executors for their models; the caller owns the interval;
 * 3. disposing it disposes the executors.
 */
export class ExecutorRegistry implements AsyncDisposable {
  readonly #executors: readonly ModelExecutor[];
  /** What each executor listed last. */
  readonly #listed = new Map<ModelExecutor, readonly ModelInfo[]>();
  #resolved: ReadonlyMap<string, ResolvedModel> = new Map();

  /** Where two executors have a model of the same name, the first one runs it. */
  constructor(executors: readonly ModelExecutor[]) {
    this.#executors = executors;
  }

  /** Undefined for a model that nobody had when last asked. */
  resolve(modelId: string): ResolvedModel | undefined {
    return this.#resolved.get(modelId);
  }

  /** The models that the last refresh found. */
  known(): readonly ModelInfo[] {
    return [...this.#resolved.values()].map(({ model }) => model);
  }

  /** Asks every executor for its models. One that fails keeps those it had: it does not take the others with it. */
  async refresh(signal: AbortSignal): Promise<void> {
    await Promise.all(
      this.#executors.map(async (executor) => {
        try {
          this.#listed.set(executor, await executor.models(signal));
        } catch (error) {
          // Its health check says what is wrong with it. An abort is for the caller, who may be waiting.
          if (signal.aborted) throw error;
        }
      }),
    );
    this.#resolved = this.#resolveAll();
  }

  /** Refreshes, then lists all models. */
  async models(signal: AbortSignal): Promise<readonly ModelInfo[]> {
    await this.refresh(signal);
    return this.known();
  }

  async health(signal: AbortSignal): Promise<readonly ExecutorHealth[]> {
    return Promise.all(this.#executors.map((executor) => checkHealth(executor, signal)));
  }

  /** As `shareLimits` of each executor. One that cannot does not keep the others from it. */
  async shareLimits(exchange: LimitExchange): Promise<void> {
    await settleAll(this.#executors.map(async (executor) => executor.shareLimits?.(exchange)));
  }

  /** As `leaveLimits` of each executor. */
  async leaveLimits(exchange: LimitExchange): Promise<void> {
    await settleAll(this.#executors.map(async (executor) => executor.leaveLimits?.(exchange)));
  }

  limits(): readonly EndpointLimit[] {
    return this.#executors.flatMap((executor) => executor.limits?.() ?? []);
  }

  /** Requests that wait for room, by executor. */
  waiting(): readonly { readonly executor: string; readonly waiting: Readonly<Record<Priority, number>> }[] {
    return this.#executors.flatMap((executor) => {
      const waiting = executor.waiting?.();
      return waiting === undefined ? [] : [{ executor: executor.name, waiting }];
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#executors.map((executor) => executor[Symbol.asyncDispose]()));
  }

  #resolveAll(): ReadonlyMap<string, ResolvedModel> {
    const resolved = new Map<string, ResolvedModel>();
    for (const executor of this.#executors) {
      for (const model of this.#listed.get(executor) ?? []) {
        if (!resolved.has(model.id)) resolved.set(model.id, { executor, model });
      }
    }
    return resolved;
  }
}

/** Waits for all, then throws what the first of them failed with. */
async function settleAll(all: readonly Promise<void>[]): Promise<void> {
  for (const settled of await Promise.allSettled(all)) if (settled.status === 'rejected') throw settled.reason;
}

/** A health check that fails is an answer about the executor's health. */
async function checkHealth(executor: ModelExecutor, signal: AbortSignal): Promise<ExecutorHealth> {
  try {
    return await executor.healthCheck(signal);
  } catch (error) {
    if (signal.aborted) throw error;
    const detail = `The health check failed: ${error instanceof Error ? error.message : String(error)}.`;
    return { executor: executor.name, status: 'fail', detail, slots: 0, slotsInUse: 0 };
  }
}
