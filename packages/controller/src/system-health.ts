import type { HealthReport } from '@llm-engine/contracts';
import {
  EvictionBaseline,
  evictedKeysIn,
  executorChecks,
  healthReport,
  readingFailed,
  redisChecks,
  redisUnreachable,
  workerChecks,
} from '@llm-engine/observability';
import type { Checks } from '@llm-engine/observability';
import type { EngineView } from './engine-view.ts';

/** Who makes the report. */
interface Reporter {
  readonly serviceId: string;
  readonly version: string;
}

/** Makes reports of an engine: its Redis, its workers, its queues, and the executors as the workers see them. */
export class SystemHealthReporter {
  readonly #view: EngineView;
  readonly #evictions = new EvictionBaseline();

  readonly #reporter: Reporter;

  constructor(view: EngineView, reporter: Reporter) {
    this.#view = view;
    this.#reporter = reporter;
  }

  /** Never rejects: what cannot be seen is in the report as failed. */
  async report(now: Date = new Date()): Promise<HealthReport> {
    const redis = await this.#redis(now);
    // Without Redis nothing else can be seen, and one cause is easier to read than its consequences.
    const engine = redis.reachable ? await this.#engine(now) : {};
    return healthReport({ ...this.#reporter, checks: { ...redis.checks, ...engine } });
  }

  async #redis(now: Date): Promise<{ readonly reachable: boolean; readonly checks: Checks }> {
    try {
      const { info, latencyMs } = await this.#view.redis();
      const evictedBefore = this.#evictions.before(evictedKeysIn(info) ?? 0);
      return { reachable: true, checks: redisChecks({ info, latencyMs, evictedBefore, now }) };
    } catch (error) {
      return { reachable: false, checks: redisUnreachable(messageOf(error), now) };
    }
  }

  async #engine(now: Date): Promise<Checks> {
    try {
      const [queues, workers] = await Promise.all([this.#view.queues(), this.#view.workers()]);
      const waiting = queues.map(({ queue, counts }) => ({ queue, waiting: counts.waiting + counts.prioritized }));
      return { ...workerChecks(workers, waiting, now), ...executorChecks(workers, now) };
    } catch (error) {
      return readingFailed(messageOf(error), now);
    }
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
