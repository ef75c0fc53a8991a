import { DelayedError, Worker } from 'bullmq';
import { Redis } from 'ioredis';
import { redisOptions } from './connection.ts';
import type { QueueConnection } from './connection.ts';
import type { BullTask, TaskData } from './tasks.ts';
import { asError, within } from './within.ts';

/** How a run of a task ended. */
export type TaskOutcome =
  /** There is nothing left to do. */
  | { readonly kind: 'done' }
  /** The rest is for later, by this worker or another one. */
  | { readonly kind: 'again'; readonly delayMs: number };

export interface TaskRun {
  readonly id: string;
  readonly name: string;
  readonly data: TaskData;
  /** Aborts when the worker begins to stop: time to come to an end, without beginning anything that takes long. */
  readonly draining: AbortSignal;
  /** Aborts with `lock-lost` when the task is somebody else's, and with `shutdown` when the worker stops. */
  readonly signal: AbortSignal;
}

export interface TaskConsumerOptions {
  readonly redisUrl: string;
  readonly queue: string;
  /** How many tasks run at once. */
  readonly concurrency: number;
  readonly run: (task: TaskRun) => Promise<TaskOutcome>;
  readonly onTrouble: (error: Error) => void;
  /** Life of a task's lock, in milliseconds: a worker that dies is noticed after it. Default 30 s. */
  readonly lockMs?: number;
}

const DEFAULT_LOCK_MS = 30_000;
const NEVER = 1_000_000;
const HAND_OVER_MS = 100;
const BACKOFF_BASE_MS = 500;
const BACKOFF_CAP_MS = 30_000;
const CLOSE_HEAD_START_MS = 50;
const STOP_PATIENCE_MS = 5_000;

/**
 * Runs the tasks of one queue, each until it is done: a task is never given up.
 * 1. A run that throws is tried again after a back-off; what it had done stands in the database.
 * 2. A run whose lock is lost is told so, and writes no end.
 * 3. Closing hands over what does not end in time.
 */
export class TaskConsumer {
  readonly queue: string;
  readonly slots: number;
  /** Unix milliseconds of the last sign of progress: a task taken, ended, or its lock renewed. */
  lastProgressAt = Date.now();
  readonly #connection: QueueConnection;
  readonly #options: TaskConsumerOptions;
  readonly #redis: Redis;
  readonly #worker: Worker<TaskData, undefined>;
  readonly #runs = new Map<string, AbortController>();
  readonly #closing = new AbortController();

  constructor(connection: QueueConnection, options: TaskConsumerOptions) {
    const { lockMs = DEFAULT_LOCK_MS } = options;
    this.queue = options.queue;
    this.slots = options.concurrency;
    this.#connection = connection;
    this.#options = options;
    this.#redis = new Redis(options.redisUrl, redisOptions('patient'));
    this.#redis.on('error', options.onTrouble);
    this.#worker = new Worker<TaskData, undefined>(options.queue, (task, token) => this.#process(task, token), {
      connection: this.#redis,
      prefix: connection.keys.base,
      autorun: false,
      concurrency: options.concurrency,
      lockDuration: lockMs,
      lockRenewTime: lockMs / 2,
      stalledInterval: lockMs,
      maxStalledCount: NEVER,
    });
    this.#worker.on('error', options.onTrouble);
    this.#worker.on('locksRenewed', () => this.#progressed());
    // Without this, a task that lost its lock and is taken again by this same worker would stall for ever.
    this.#worker.on('lockRenewalFailed', (ids) => ids.forEach((id) => this.#runs.get(id)?.abort('lock-lost')));
  }

  /** Ids of the tasks that hold a slot now. */
  get jobs(): readonly string[] {
    return [...this.#runs.keys()];
  }

  /** Begins to take tasks; resolves when it does. */
  async start(): Promise<void> {
    await this.#connection.registerQueues([this.queue]);
    await this.#worker.waitUntilReady();
    this.#worker.run().catch((error: unknown) => this.#options.onTrouble(asError(error)));
  }

  /** Takes no more tasks, waits up to `graceMs` for those that run, hands the rest over, and disconnects. */
  async close({ graceMs = 0 }: { readonly graceMs?: number } = {}): Promise<void> {
    this.#closing.abort();
    const closed = this.#worker.close();
    await within(closed, Math.max(graceMs, CLOSE_HEAD_START_MS));
    for (const run of this.#runs.values()) run.abort('shutdown');
    if (!(await within(closed, STOP_PATIENCE_MS))) await within(this.#worker.disconnect(), STOP_PATIENCE_MS);
    this.#redis.disconnect();
  }

  async #process(task: BullTask, token: string | undefined): Promise<undefined> {
    const id = task.id ?? '';
    const held = this.#runs.get(id);
    // The task comes back while its last run still goes on here: that run has lost it, and must have ended first.
    held?.abort('lock-lost');
    if (this.#closing.signal.aborted || held !== undefined) return later(task, token, HAND_OVER_MS);
    const run = new AbortController();
    this.#runs.set(id, run);
    this.#progressed();
    try {
      const outcome = await this.#run(task, id, run.signal);
      // BullMQ reads this error as "somebody has already moved it": it writes nothing.
      if (run.signal.reason === 'lock-lost') throw new DelayedError();
      if (outcome.kind === 'again') return await later(task, token, outcome.delayMs);
    } finally {
      this.#runs.delete(id);
      this.#progressed();
    }
  }

  async #run(task: BullTask, id: string, signal: AbortSignal): Promise<TaskOutcome> {
    try {
      return await this.#options.run({ id, name: task.name, data: task.data, draining: this.#closing.signal, signal });
    } catch (error) {
      if (signal.aborted) return { kind: 'again', delayMs: HAND_OVER_MS };
      this.#options.onTrouble(asError(error));
      const backoff = Math.min(BACKOFF_BASE_MS * 2 ** Math.min(task.attemptsStarted, 10), BACKOFF_CAP_MS);
      return { kind: 'again', delayMs: backoff * (0.5 + Math.random() / 2) };
    }
  }

  #progressed(): void {
    this.lastProgressAt = Date.now();
  }
}

async function later(task: BullTask, token: string | undefined, delayMs: number): Promise<never> {
  await task.moveToDelayed(Date.now() + delayMs, token);
  throw new DelayedError();
}
