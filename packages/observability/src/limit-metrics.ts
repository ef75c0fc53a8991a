import { DECREASE_REASONS, PRIORITIES } from '@llm-engine/contracts';
import type { EndpointLimit, Priority } from '@llm-engine/contracts';
import { boundedLabel } from './bounded-label.ts';
import { METRIC_PREFIX } from './registry.ts';
import type { MetricRegistry } from './registry.ts';

/** How many requests the endpoints of a worker's executors take, and how many wait for that. */
export interface LimitsNow {
  readonly endpoints: readonly EndpointLimit[];
  readonly waiting: readonly { readonly executor: string; readonly waiting: Readonly<Record<Priority, number>> }[];
}

const ENDPOINTS = 100;

export class LimitMetrics {
  readonly #limit;
  readonly #inUse;
  readonly #paused;
  readonly #waiting;
  readonly #decreases;
  readonly #endpointLabel = boundedLabel(ENDPOINTS);

  constructor(registry: MetricRegistry) {
    const labels = ['executor', 'endpoint'] as const;
    const family = (rest: string, help: string) => ({ name: `${METRIC_PREFIX}endpoint_${rest}`, help });
    this.#limit = registry.gauge({
      ...family('limit', 'Requests that the endpoint takes at once from all workers together.'),
      labels,
    });
    this.#inUse = registry.gauge({ ...family('in_use', 'Requests that this worker has at the endpoint.'), labels });
    this.#paused = registry.gauge({
      ...family('paused', '1 while only interactive requests are sent to the endpoint.'),
      labels,
    });
    this.#decreases = registry.counter({
      ...family('limit_decreases_total', 'Decreases of the limit for what this worker saw.'),
      labels: [...labels, 'reason'],
    });
    this.#waiting = registry.gauge({
      name: `${METRIC_PREFIX}executor_waiting`,
      help: 'Requests in this worker that wait for room at an endpoint.',
      labels: ['executor', 'priority'],
    });
  }

  set({ endpoints, waiting }: LimitsNow): void {
    // What is read are totals, for the counter too.
    for (const metric of [this.#limit, this.#inUse, this.#paused, this.#waiting, this.#decreases]) metric.reset();
    // Two endpoints may have one host: another key is another account, with a limit of its own.
    for (const { executor, endpoint: host, limit, inUse, paused, decreases } of endpoints) {
      const labels = { executor, endpoint: this.#endpointLabel(host) };
      this.#limit.inc(labels, limit);
      this.#inUse.inc(labels, inUse);
      this.#paused.inc(labels, paused ? 1 : 0);
      for (const reason of DECREASE_REASONS) this.#decreases.inc({ ...labels, reason }, decreases[reason]);
    }
    for (const { executor, waiting: counts } of waiting) {
      for (const priority of PRIORITIES) this.#waiting.set({ executor, priority }, counts[priority]);
    }
  }
}
