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
import type { Inspector } from '@llm-engine/queue';
import { VERSION } from './version.ts';

/** Looks at everything that an engine needs: its Redis, its workers, its queues, and the executors as the workers see them. */
export class SystemHealthReporter {
  readonly #inspector: Inspector;
  readonly #evictions = new EvictionBaseline();

  constructor(inspector: Inspector) {
    this.#inspector = inspector;
  }

  /** Never rejects: what cannot be seen is in the report as failed. */
  async report(now: Date = new Date()): Promise<HealthReport> {
    const redis = await this.#redis(now);
    // Without Redis nothing else can be seen, and one cause is easier to read than its consequences.
    const engine = redis.reachable ? await this.#engine(now) : {};
    return healthReport({ serviceId: 'controller', version: VERSION, checks: { ...redis.checks, ...engine } });
  }

  async #redis(now: Date): Promise<{ readonly reachable: boolean; readonly checks: Checks }> {
    try {
      const latencyMs = await this.#inspector.redisLatencyMs();
      const info = await this.#inspector.redisInfo();
      const evictedBefore = this.#evictions.before(evictedKeysIn(info) ?? 0);
      const checks = redisChecks({ info, latencyMs, ...(evictedBefore !== undefined && { evictedBefore }), now });
      return { reachable: true, checks };
    } catch (error) {
      return { reachable: false, checks: redisUnreachable(messageOf(error), now) };
    }
  }

  async #engine(now: Date): Promise<Checks> {
    try {
      const [queues, workers] = await Promise.all([this.#inspector.queues(), this.#inspector.workers()]);
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
