import type { ExecutorHealth, FailureClass } from '@llm-engine/contracts';
import { METRIC_PREFIX } from './registry.ts';
import type { MetricRegistry } from './registry.ts';

const REQUEST_OUTCOMES = ['completed', 'failed', 'cancelled'] as const;
export type RequestOutcome = (typeof REQUEST_OUTCOMES)[number];

/** Classes of failure by which a model server says that it has too much to do. */
const THROTTLES: readonly FailureClass[] = ['rate_limited', 'overloaded'];

/** What executors did and how much room they have. */
export class ExecutorMetrics {
  readonly #up;
  readonly #slots;
  readonly #slotsInUse;
  readonly #requests;
  readonly #throttled;

  constructor(registry: MetricRegistry) {
    const family = (rest: string, help: string) => ({ name: `${METRIC_PREFIX}executor_${rest}`, help });
    const labels = ['executor'] as const;
    this.#up = registry.gauge({ ...family('up', '1 when some endpoint of the executor answers.'), labels });
    this.#slots = registry.gauge({ ...family('slots', 'Requests that the executor runs at once at most.'), labels });
    this.#slotsInUse = registry.gauge({ ...family('slots_in_use', 'Requests that the executor runs now.'), labels });
    this.#requests = registry.counter({
      ...family('requests_total', 'Attempts that the executor was given.'),
      labels: ['executor', 'outcome'],
    });
    this.#throttled = registry.counter({
      ...family('throttled_total', 'Attempts that the model server turned away because it was too busy.'),
      labels: ['executor', 'reason'],
    });
  }

  /** Executors as they are now; those that are not among them any more lose their gauges. */
  set(executors: readonly ExecutorHealth[]): void {
    for (const gauge of [this.#up, this.#slots, this.#slotsInUse]) gauge.reset();
    for (const { executor, status, slots, slotsInUse } of executors) {
      this.#up.set({ executor }, status === 'fail' ? 0 : 1);
      this.#slots.set({ executor }, slots);
      this.#slotsInUse.set({ executor }, slotsInUse);
      for (const outcome of REQUEST_OUTCOMES) this.#requests.inc({ executor, outcome }, 0);
      for (const reason of THROTTLES) this.#throttled.inc({ executor, reason }, 0);
    }
  }

  ended(executor: string, outcome: RequestOutcome, failureClass?: FailureClass): void {
    this.#requests.inc({ executor, outcome });
    if (failureClass !== undefined && THROTTLES.includes(failureClass)) {
      this.#throttled.inc({ executor, reason: failureClass });
    }
  }
}
