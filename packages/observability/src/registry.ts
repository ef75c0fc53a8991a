import { Counter, Gauge, Histogram, Registry, collectDefaultMetrics } from 'prom-client';

export const METRIC_PREFIX = 'llm_engine_';
/** Stands for every value outside an allow-list. */
export const OTHER = '_OTHER';
/** From an embedding to a fine-tune: 50 ms to 6 hours, in seconds. */
const JOB_BUCKETS = [0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600, 1_800, 3_600, 7_200, 21_600];

interface Family<Label extends string> {
  readonly name: string;
  readonly help: string;
  readonly labels?: readonly Label[];
}

/** The metrics of one service: a registry of its own, so that several services fit in one process. */
export class MetricRegistry {
  readonly #registry = new Registry();
  readonly #beforeScrape: (() => void | Promise<void>)[] = [];

  constructor({ service, version }: { readonly service: string; readonly version: string }) {
    collectDefaultMetrics({ register: this.#registry });
    const labels = ['service', 'version', 'node_version'] as const;
    this.gauge({ name: 'llm_engine_build_info', help: 'What runs here; the value is always 1.', labels }).set(
      { service, version, node_version: process.version },
      1,
    );
  }

  counter<Label extends string = never>({ name, help, labels = [] }: Family<Label>): Counter<Label> {
    return new Counter({ name, help, labelNames: labels, registers: [this.#registry] });
  }

  gauge<Label extends string = never>({ name, help, labels = [] }: Family<Label>): Gauge<Label> {
    return new Gauge({ name, help, labelNames: labels, registers: [this.#registry] });
  }

  /** Buckets default to JOB_BUCKETS. */
  histogram<Label extends string = never>(
    { name, help, labels = [] }: Family<Label>,
    buckets: readonly number[] = JOB_BUCKETS,
  ): Histogram<Label> {
    return new Histogram({ name, help, labelNames: labels, buckets: [...buckets], registers: [this.#registry] });
  }

  /** Runs before each scrape, to set gauges that are read rather than counted. */
  beforeScrape(collect: () => void | Promise<void>): void {
    this.#beforeScrape.push(collect);
  }

  get contentType(): string {
    return this.#registry.contentType;
  }

  /** In Prometheus's text format. */
  async text(): Promise<string> {
    await this.#collect();
    // prom-client spells it `Nan` (the event loop's lag before its first sample), which the format does not know.
    return (await this.#registry.metrics()).replaceAll(/ Nan$/gm, ' NaN');
  }

  async json(): Promise<unknown[]> {
    await this.#collect();
    return this.#registry.getMetricsAsJSON();
  }

  async #collect(): Promise<void> {
    for (const collect of this.#beforeScrape) await collect();
  }
}
