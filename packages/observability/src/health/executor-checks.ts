import { worstOf } from '@llm-engine/contracts';
import type { ExecutorHealth, HealthCheck, HealthStatus } from '@llm-engine/contracts';
import type { Checks } from './check.ts';
import type { SeenWorker } from './worker-checks.ts';

/** Executors, and with them the models behind them, as the workers that live see them. */
export function executorChecks(workers: readonly SeenWorker[], now: Date): Checks {
  const views = Map.groupBy(
    workers.filter(({ alive }) => alive).flatMap(({ executors }) => executors),
    ({ executor }) => executor,
  );
  if (views.size === 0) return {};
  const time = now.toISOString();
  const checks = [...views]
    .toSorted(([one], [other]) => one.localeCompare(other))
    .map(([executor, seen]): HealthCheck => ({ componentType: 'component', ...executorCheck(executor, seen), time }));
  return { 'executors:availability': checks };
}

function executorCheck(
  executor: string,
  seen: readonly ExecutorHealth[],
): Pick<HealthCheck, 'componentId' | 'observedValue' | 'observedUnit' | 'status' | 'output'> {
  const usable = seen.filter(({ status }) => status !== 'fail').length;
  const status = statusOf(seen, usable);
  const observation = { componentId: executor, observedValue: usable, observedUnit: 'workers', status };
  if (status === 'pass') return observation;
  const details = [...new Set(seen.flatMap(({ detail }) => detail ?? []))];
  const reach = `${usable} of ${seen.length} ${seen.length === 1 ? 'worker' : 'workers'} can use the executor '${executor}'.`;
  return { ...observation, output: [reach, ...details].join(' ') };
}

/** An executor that some workers can use is impaired; one that none can use is gone. */
function statusOf(seen: readonly ExecutorHealth[], usable: number): HealthStatus {
  if (usable === 0) return 'fail';
  return worstOf(seen.map(({ status }) => status)) === 'pass' ? 'pass' : 'warn';
}
