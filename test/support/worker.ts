import type { ExecutorRegistry } from '@llm-engine/executors';
import { createLogger } from '@llm-engine/observability';
import { startWorker } from '@llm-engine/worker';
import type { RunningWorker, WorkerOptions } from '@llm-engine/worker';
import type { TestEngine } from './engine.ts';
import { parsePrometheusText } from './prometheus-text.ts';
import type { MetricFamily } from './prometheus-text.ts';

type WorkerSettings = Partial<Omit<WorkerOptions, 'redisUrl' | 'prefix' | 'executors'>>;

/** A real worker of that engine in this process, on a free port. */
export function workerOf(
  { redisUrl, prefix }: Pick<TestEngine, 'redisUrl' | 'prefix'>,
  executors: ExecutorRegistry,
  settings: WorkerSettings = {},
): Promise<RunningWorker> {
  const logger = createLogger({ service: 'worker', level: 'silent' });
  return startWorker({ redisUrl, prefix, executors, port: 0, graceMs: 0, logger, ...settings });
}

interface ProbeAnswer {
  readonly status: number;
  readonly reason?: string;
}

/** What a probe of the worker at that URL says. */
export async function probe(url: string, name: 'livez' | 'readyz' | 'startupz'): Promise<ProbeAnswer> {
  const answer = await fetch(`${url}/${name}`);
  const body = (await answer.json()) as { readonly reason?: string };
  return { status: answer.status, ...(body.reason !== undefined && { reason: body.reason }) };
}

export async function workerMetrics(url: string): Promise<Map<string, MetricFamily>> {
  const answer = await fetch(`${url}/metrics`);
  return parsePrometheusText(await answer.text());
}
