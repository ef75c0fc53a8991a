import type { WorkerStatus } from '@llm-engine/contracts';
import { BatchMetrics } from './batch-metrics.ts';
import { ExecutorMetrics } from './executor-metrics.ts';
import { GenAiMetrics } from './genai-metrics.ts';
import { JobMetrics } from './job-metrics.ts';
import { LimitMetrics } from './limit-metrics.ts';
import type { LimitsNow } from './limit-metrics.ts';
import { QueueGauges } from './queue-gauges.ts';
import type { QueueGaugesOptions } from './queue-gauges.ts';
import { MetricRegistry } from './registry.ts';
import { WorkerMetrics } from './worker-metrics.ts';

export interface MetricsOptions {
  /** Which process is measured: `producer`, `worker`, `monitor`. */
  readonly service: string;
  readonly version: string;
}

export function createMetrics(options: MetricsOptions): Metrics {
  return new Metrics(options);
}

/** All that one service measures. A part is on its page from when it is first asked for, so a producer shows no worker's metrics. */
export class Metrics {
  readonly #registry: MetricRegistry;
  #jobs: JobMetrics | undefined;
  #batches: BatchMetrics | undefined;
  #genAi: GenAiMetrics | undefined;
  #executors: ExecutorMetrics | undefined;

  constructor(options: MetricsOptions) {
    this.#registry = new MetricRegistry(options);
  }

  get jobs(): JobMetrics {
    return (this.#jobs ??= new JobMetrics(this.#registry));
  }

  get batches(): BatchMetrics {
    return (this.#batches ??= new BatchMetrics(this.#registry));
  }

  get genAi(): GenAiMetrics {
    return (this.#genAi ??= new GenAiMetrics(this.#registry));
  }

  get executors(): ExecutorMetrics {
    return (this.#executors ??= new ExecutorMetrics(this.#registry));
  }

  /** Shows a worker's slots, heartbeat and executors, read at each scrape. */
  watchWorker(status: () => Pick<WorkerStatus, 'queues' | 'pools' | 'beatAt' | 'executors'>): void {
    const worker = new WorkerMetrics(this.#registry);
    const executors = this.executors;
    this.#registry.beforeScrape(() => {
      const now = status();
      worker.set(now);
      executors.set(now.executors);
    });
  }

  /** Shows what the endpoints of a worker's executors take, read at each scrape. */
  watchLimits(read: () => LimitsNow): void {
    const limits = new LimitMetrics(this.#registry);
    this.#registry.beforeScrape(() => limits.set(read()));
  }

  /** Shows the queues in Redis, read at a scrape, at most every few seconds. */
  watchQueues(options: QueueGaugesOptions): void {
    const gauges = new QueueGauges(this.#registry, options);
    this.#registry.beforeScrape(() => gauges.refresh());
  }

  /** For the `content-type` header beside `text()`. */
  get contentType(): string {
    return this.#registry.contentType;
  }

  /** All metrics in Prometheus's text format. */
  text(): Promise<string> {
    return this.#registry.text();
  }

  /** All metrics as objects. */
  json(): Promise<unknown[]> {
    return this.#registry.json();
  }
}
