import type { WorkerStatus } from '@llm-engine/contracts';
import { METRIC_PREFIX } from './registry.ts';
import type { MetricRegistry } from './registry.ts';

/** A queue as whoever can see Redis describes it. */
export interface QueueReading {
  readonly queue: string;
  /** Jobs by state: waiting, prioritized, active, delayed, failed, completed. */
  readonly counts: Readonly<Record<string, number>>;
  readonly paused: boolean;
  /** Age of the job that has been due for the longest time. */
  readonly oldestWaitingSeconds: number;
}

export type WorkerReading = Pick<WorkerStatus, 'queues' | 'draining'> & { readonly alive: boolean };

export interface EngineReading {
  readonly queues: readonly QueueReading[];
  readonly workers: readonly WorkerReading[];
}

export interface QueueGaugesOptions {
  /** Reads Redis. Rejects when it cannot, in bounded time. */
  readonly read: () => Promise<EngineReading>;
  /** How long a job of that queue should wait at most, in seconds. */
  readonly waitSloSeconds: (queue: string) => number;
  /** Told when a reading fails, which the gauges show as well. */
  readonly onTrouble?: (error: Error) => void;
  /** How long a reading serves further scrapes, in milliseconds. Default 5,000. */
  readonly freshMs?: number;
  /** Unix milliseconds. */
  readonly now?: () => number;
}

const DEFAULT_FRESH_MS = 5_000;

/**
 * What lies in Redis, as gauges.
 * 1. Reads when scraped, at most every few seconds, and once for scrapes that come together.
 * 2. Shows only what the last reading saw: queues that are gone are gone, and without Redis there are none.
 * 3. Says how the readings go, so that a silent exporter is noticed.
 */
export class QueueGauges {
  readonly #options: QueueGaugesOptions;
  readonly #jobs;
  readonly #oldest;
  readonly #paused;
  readonly #workers;
  readonly #slo;
  readonly #redisUp;
  readonly #lastSuccess;
  readonly #errors;
  #readAt = -Infinity;
  #reading: Promise<void> | undefined;

  constructor(registry: MetricRegistry, options: QueueGaugesOptions) {
    this.#options = options;
    const family = (rest: string, help: string) => ({ name: `${METRIC_PREFIX}${rest}`, help });
    const labels = ['queue'] as const;
    this.#jobs = registry.gauge({ ...family('queue_jobs', 'Jobs in a queue, by state.'), labels: ['queue', 'state'] });
    this.#oldest = registry.gauge({
      ...family('queue_oldest_waiting_age_seconds', 'How long the oldest waiting job has been due; 0 when none waits.'),
      labels,
    });
    this.#paused = registry.gauge({ ...family('queue_paused', '1 while a queue is paused.'), labels });
    this.#workers = registry.gauge({
      ...family('queue_workers', 'Workers that serve a queue, by their heartbeats.'),
      labels,
    });
    this.#slo = registry.gauge({
      ...family('queue_wait_slo_seconds', 'How long a job of a queue should wait at most.'),
      labels,
    });
    this.#redisUp = registry.gauge(family('redis_up', '1 when the last reading of the queues succeeded.'));
    this.#lastSuccess = registry.gauge(
      family('collector_last_success_timestamp_seconds', 'When the queues were last read; 0 for never.'),
    );
    this.#errors = registry.counter(family('collector_errors_total', 'Readings of the queues that failed.'));
  }

  /** Never rejects: a reading that fails is what the gauges then show. */
  refresh(): Promise<void> {
    const { freshMs = DEFAULT_FRESH_MS } = this.#options;
    if (this.#now() - this.#readAt < freshMs) return Promise.resolve();
    this.#reading ??= this.#read().finally(() => (this.#reading = undefined));
    return this.#reading;
  }

  async #read(): Promise<void> {
    try {
      this.#show(await this.#options.read());
      this.#readAt = this.#now();
      this.#lastSuccess.set(this.#readAt / 1_000);
      this.#redisUp.set(1);
    } catch (error) {
      this.#clear();
      this.#errors.inc();
      this.#redisUp.set(0);
      this.#options.onTrouble?.(error instanceof Error ? error : new Error(String(error)));
    }
  }

  #show({ queues, workers }: EngineReading): void {
    this.#clear();
    const serving = workers.filter(({ alive, draining }) => alive && !draining);
    for (const { queue, counts, paused, oldestWaitingSeconds } of queues) {
      for (const [state, count] of Object.entries(counts)) this.#jobs.set({ queue, state }, count);
      this.#oldest.set({ queue }, oldestWaitingSeconds);
      this.#paused.set({ queue }, paused ? 1 : 0);
      this.#workers.set({ queue }, serving.filter((worker) => serves(worker, queue)).length);
      this.#slo.set({ queue }, this.#options.waitSloSeconds(queue));
    }
  }

  #clear(): void {
    for (const gauge of [this.#jobs, this.#oldest, this.#paused, this.#workers, this.#slo]) gauge.reset();
  }

  #now(): number {
    return (this.#options.now ?? Date.now)();
  }
}

function serves({ queues }: WorkerReading, queue: string): boolean {
  return queues.some((served) => served.queue === queue);
}
