import { setTimeout } from 'node:timers/promises';
import { EngineError } from '@llm-engine/contracts';
import { Queue } from 'bullmq';
import { Redis } from 'ioredis';
import { DEFAULT_PREFIX, Keys } from './keys.ts';
import { isOutage, refusalReason } from './redis-errors.ts';
import { SCRIPTS } from './scripts.ts';
import { Wakeups } from './wakeups.ts';

export interface QueueConnectionOptions {
  /** `redis://[user:password@]host:port[/db]`, or `rediss://` for TLS. */
  readonly redisUrl: string;
  /** Engines with different prefixes share a Redis without seeing each other. Default `llm-engine`. */
  readonly prefix?: string;
  /**
   * `fail-fast` (default): a command on a dead connection is refused at once, so that a caller can be answered.
   * `patient`: a command waits for Redis to come back, so that a worker's result is never dropped.
   */
  readonly patience?: 'fail-fast' | 'patient';
  /** Troubles of the connection, which mends itself. Default: ignored. */
  readonly onTrouble?: (error: Error) => void;
}

const RECONNECT_CAP_MS = 1_000;
/** A Redis that hangs keeps its connections open: only a command that is not answered tells. */
const COMMAND_TIMEOUT_MS = 3_000;
const QUEUE_NAMES_FRESH_MS = 5_000;
const SEND_RETRY_AFTER_MS = 1_000;
const OUTAGE_LOOK_MS = 1_000;
/** A Redis that answers, but only that it is still loading, is not asked without a pause. */
const OUTAGE_PAUSE_MS = 50;

// Capped, since the default grows to 20 s, and jittered, so that a fleet does not come back in one blow.
function reconnectDelay(times: number): number {
  return Math.min(50 * 2 ** Math.min(times, 10), RECONNECT_CAP_MS) * (0.5 + Math.random() / 2);
}

/** Options that every connection of ours has, by how long its commands may wait. */
export function redisOptions(patience: 'fail-fast' | 'patient') {
  const shared = { retryStrategy: reconnectDelay, connectTimeout: 5_000, keepAlive: 10_000, scripts: SCRIPTS };
  return patience === 'patient'
    ? { ...shared, maxRetriesPerRequest: null }
    : { ...shared, maxRetriesPerRequest: 1, enableOfflineQueue: false, commandTimeout: COMMAND_TIMEOUT_MS };
}

/**
 * One process's way to an engine's Redis.
 * 1. Owns the command connection, and opens the subscriber connection when somebody listens.
 * 2. Hands out BullMQ queues that share them.
 * 3. Knows the names of the engine's queues.
 * It connects by itself and reconnects for ever; `ready` says how it stands.
 */
export class QueueConnection implements AsyncDisposable {
  readonly keys: Keys;
  readonly redis: Redis;
  readonly wakeups: Wakeups;
  readonly #onTrouble: (error: Error) => void;
  readonly #queues = new Map<string, Queue>();
  /** When each queue was last put on the engine's list, in Unix milliseconds. */
  readonly #registered = new Map<string, number>();
  #queueNames: { readonly names: readonly string[]; readonly at: number } = { names: [], at: 0 };

  constructor(options: QueueConnectionOptions) {
    this.keys = new Keys(options.prefix ?? DEFAULT_PREFIX);
    this.#onTrouble = options.onTrouble ?? (() => undefined);
    this.redis = new Redis(options.redisUrl, redisOptions(options.patience ?? 'fail-fast'));
    // BullMQ adds listeners for every queue that shares the connection: that is use, not a leak.
    this.redis.setMaxListeners(0);
    this.redis.on('error', this.#onTrouble);
    this.wakeups = new Wakeups(() => {
      const subscriber = new Redis(options.redisUrl, redisOptions('patient'));
      subscriber.on('error', this.#onTrouble);
      return subscriber;
    });
  }

  get ready(): boolean {
    // The status follows a broken connection only a moment later; until then its stream tells.
    return this.redis.status === 'ready' && this.redis.stream.writable;
  }

  /**
   * Resolves once Redis answers. Rejects with `queue_unavailable` when it does not in time (`Infinity`: waits for ever), and
   * with the signal's reason when that aborts.
   */
  async waitUntilReady(timeoutMs = 10_000, signal?: AbortSignal): Promise<void> {
    if (this.ready) return;
    signal?.throwIfAborted();
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const giveUp = (): void => reject(signal?.reason);
    const timer =
      timeoutMs === Infinity ? undefined : globalThis.setTimeout(() => reject(this.unavailable()), timeoutMs);
    this.redis.once('ready', resolve);
    signal?.addEventListener('abort', giveUp);
    try {
      await promise;
    } finally {
      clearTimeout(timer);
      this.redis.off('ready', resolve);
      signal?.removeEventListener('abort', giveUp);
    }
  }

  /**
   * Reads something; undefined when Redis could not answer, after it is back or a second has passed. For those who wait for a
   * job: an outage does not end their wait, since the job is kept there and goes on afterwards.
   */
  async readThroughOutage<Value>(read: () => Promise<Value>): Promise<Value | undefined> {
    try {
      return await read();
    } catch (error) {
      if (!isOutage(error)) throw error;
      await Promise.all([this.waitUntilReady(OUTAGE_LOOK_MS).catch(() => undefined), setTimeout(OUTAGE_PAUSE_MS)]);
      return undefined;
    }
  }

  /** Throws `queue_unavailable` while Redis is out of reach, instead of letting a caller wait for it. */
  requireReady(): void {
    if (!this.ready) throw this.unavailable();
  }

  /** `cause` is what a command failed with that was already on its way: then it is not certain what came of it. */
  unavailable(cause?: unknown): EngineError {
    const outcome =
      cause === undefined
        ? 'Nothing was accepted; try again shortly.'
        : 'What was on its way may have been accepted: with an idempotency key it can be sent again without doubling it.';
    const trouble = refusalReason(cause) ?? 'The job queue cannot be reached';
    return new EngineError('queue_unavailable', `${trouble}. ${outcome}`, {
      retryAfterMs: SEND_RETRY_AFTER_MS,
      cause,
    });
  }

  /** The BullMQ queue of that name, on the shared connection. */
  queue(name: string): Queue {
    const known = this.#queues.get(name);
    if (known !== undefined) return known;
    const queue = new Queue(name, { connection: this.redis, prefix: this.keys.base });
    queue.on('error', this.#onTrouble);
    this.#queues.set(name, queue);
    return queue;
  }

  /**
   * Adds queues to the engine's list of them, so that look-ups by job id and the monitor find them. Said again every few
   * seconds, since Redis may have been flushed.
   */
  async registerQueues(names: readonly string[], now: number = Date.now()): Promise<void> {
    const due = names.filter((name) => now - (this.#registered.get(name) ?? 0) > QUEUE_NAMES_FRESH_MS);
    if (due.length === 0) return;
    await this.redis.sadd(this.keys.queues, ...due);
    for (const name of due) this.#registered.set(name, now);
    // A queue that was not known is looked for by the very next listing.
    if (due.some((name) => !this.#queueNames.names.includes(name))) this.#queueNames = { names: [], at: 0 };
  }

  /** Names of all queues of the engine; at most a few seconds old, or read now when `fresh`. */
  async queueNames({ fresh = false }: { readonly fresh?: boolean } = {}): Promise<readonly string[]> {
    if (!fresh && Date.now() - this.#queueNames.at < QUEUE_NAMES_FRESH_MS) return this.#queueNames.names;
    const names = (await this.redis.smembers(this.keys.queues)).toSorted();
    this.#queueNames = { names, at: names.length === 0 ? 0 : Date.now() };
    return names;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.wakeups[Symbol.asyncDispose]();
    // First, so that nothing waits for a Redis that is away.
    this.redis.disconnect();
    await Promise.allSettled([...this.#queues.values()].map((queue) => queue.close()));
  }
}
