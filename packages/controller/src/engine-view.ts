import { EngineError } from '@llm-engine/contracts';
import type { QueueSnapshot, WorkerSeen } from '@llm-engine/queue';
import { Inspector } from '@llm-engine/queue';
import type { QueueConnection } from '@llm-engine/queue';

/** A Redis that takes longer counts as one that does not answer. */
const PATIENCE_MS = 1_000;
/** A reading asks Redis several things for every queue. */
const READING_PATIENCE_MS = 3_000;
const RETRY_AFTER_MS = 1_000;

export interface RedisLook {
  /** The answer to `INFO`. */
  readonly info: string;
  readonly latencyMs: number;
}

/**
 * What can be seen of an engine: always in bounded time, since a Redis that hangs, or is gone, is what an observer must tell of.
 * Every method rejects with `queue_unavailable`, which says in words what Redis did not do.
 */
export class EngineView {
  readonly #connection: QueueConnection;
  readonly #inspector: Inspector;

  constructor(connection: QueueConnection) {
    this.#connection = connection;
    this.#inspector = new Inspector(connection);
  }

  async redis(): Promise<RedisLook> {
    const latencyMs = await this.#within(PATIENCE_MS, () => this.#inspector.redisLatencyMs());
    const info = await this.#within(PATIENCE_MS, () => this.#inspector.redisInfo());
    return { info, latencyMs };
  }

  queues(): Promise<QueueSnapshot[]> {
    return this.#within(READING_PATIENCE_MS, () => this.#inspector.queues());
  }

  workers(): Promise<WorkerSeen[]> {
    return this.#within(READING_PATIENCE_MS, () => this.#inspector.workers());
  }

  /** BullMQ's own queue objects, for Bull Board. */
  async bullQueues(): ReturnType<Inspector['bullQueues']> {
    await this.#within(PATIENCE_MS, () => this.#inspector.redisLatencyMs());
    return this.#within(PATIENCE_MS, () => this.#inspector.bullQueues());
  }

  async #within<Result>(ms: number, look: () => Promise<Result>): Promise<Result> {
    if (!this.#connection.ready) throw unavailable('There is no connection to Redis.');
    const { promise: late, reject } = Promise.withResolvers<never>();
    const timer = setTimeout(() => reject(unavailable(`Redis gave no answer in ${ms} ms.`)), ms);
    try {
      return await Promise.race([look(), late]);
    } catch (cause) {
      if (cause instanceof EngineError) throw cause;
      throw unavailable(`Redis did not answer: ${cause instanceof Error ? cause.message : String(cause)}.`, cause);
    } finally {
      clearTimeout(timer);
    }
  }
}

function unavailable(message: string, cause?: unknown): EngineError {
  return new EngineError('queue_unavailable', message, { retryAfterMs: RETRY_AFTER_MS, cause });
}
