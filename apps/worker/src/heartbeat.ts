import { hostname } from 'node:os';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import type { ExecutorHealth, WorkerStatus } from '@llm-engine/contracts';
import { beat, retire } from '@llm-engine/queue';
import type { QueueConnection } from '@llm-engine/queue';
import type { TakesWork } from './takes-work.ts';
import { Periodic } from './periodic.ts';

interface HeartbeatOptions {
  readonly connection: QueueConnection;
  readonly workerId: string;
  readonly version: string;
  readonly pools: readonly string[];
  readonly consumers: readonly Pick<TakesWork, 'queue' | 'slots' | 'jobs'>[];
  readonly executorHealth: (signal: AbortSignal) => Promise<readonly ExecutorHealth[]>;
  readonly isDraining: () => boolean;
  readonly onBeat: (status: WorkerStatus) => void;
  readonly onTrouble: (error: Error) => void;
}

const BEAT_MS = 4_000;
const LIMIT_MS = 10_000;
const JOBS_NAMED = 100;
const NANOSECONDS_PER_MS = 1e6;

/** Tells Redis every few seconds that this worker lives, and what it does. */
export class Heartbeat implements AsyncDisposable {
  readonly #options: HeartbeatOptions;
  readonly #startedAt = Date.now();
  readonly #lag = monitorEventLoopDelay({ resolution: 20 });
  readonly #periodic: Periodic;

  constructor(options: HeartbeatOptions) {
    this.#options = options;
    this.#periodic = new Periodic({
      everyMs: BEAT_MS,
      limitMs: LIMIT_MS,
      work: (signal) => this.#beat(signal),
      onTrouble: options.onTrouble,
    });
  }

  /** Resolves after the first beat. */
  async start(): Promise<void> {
    this.#lag.enable();
    await this.#periodic.start();
  }

  async #beat(signal: AbortSignal): Promise<void> {
    const { connection, onBeat } = this.#options;
    const status = await this.#status(signal);
    onBeat(status);
    // A beat that would wait for Redis to come back would be stale by then.
    if (connection.ready) await beat(connection, status);
  }

  async #status(signal: AbortSignal): Promise<WorkerStatus> {
    const { workerId, version, pools, consumers, executorHealth, isDraining } = this.#options;
    const executors = await executorHealth(signal);
    const eventLoopLagMs = this.#lag.percentile(99) / NANOSECONDS_PER_MS;
    this.#lag.reset();
    return {
      id: workerId,
      host: hostname(),
      pid: process.pid,
      version,
      pools,
      queues: consumers.map(({ queue, slots, jobs }) => ({
        queue,
        slots,
        busy: jobs.length,
        jobs: jobs.slice(0, JOBS_NAMED),
      })),
      memoryBytes: process.memoryUsage.rss(),
      eventLoopLagMs,
      draining: isDraining(),
      executors,
      startedAt: this.#startedAt,
      beatAt: Date.now(),
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#periodic[Symbol.asyncDispose]();
    this.#lag.disable();
    if (this.#options.connection.ready) await retire(this.#options.connection, this.#options.workerId);
  }
}
