import type { WorkerStatus } from '@llm-engine/contracts';
import { METRIC_PREFIX } from './registry.ts';
import type { MetricRegistry } from './registry.ts';

/** A worker's slots and its last heartbeat, as gauges. */
export class WorkerMetrics {
  readonly #slots;
  readonly #slotsInUse;
  readonly #lastHeartbeat;

  constructor(registry: MetricRegistry) {
    const family = (rest: string, help: string) => ({ name: `${METRIC_PREFIX}worker_${rest}`, help });
    this.#slots = registry.gauge({
      ...family('slots', 'Jobs that the worker runs at once at most.'),
      labels: ['queue'],
    });
    this.#slotsInUse = registry.gauge({
      ...family('slots_in_use', 'Jobs that the worker runs now.'),
      labels: ['queue'],
    });
    this.#lastHeartbeat = registry.gauge({
      ...family('last_heartbeat_timestamp_seconds', 'When the worker last said in Redis that it lives.'),
      labels: ['pool'],
    });
  }

  set({ queues, pools, beatAt }: Pick<WorkerStatus, 'queues' | 'pools' | 'beatAt'>): void {
    for (const gauge of [this.#slots, this.#slotsInUse, this.#lastHeartbeat]) gauge.reset();
    for (const { queue, slots, busy } of queues) {
      this.#slots.set({ queue }, slots);
      this.#slotsInUse.set({ queue }, busy);
    }
    for (const pool of pools) this.#lastHeartbeat.set({ pool }, beatAt / 1_000);
  }
}
