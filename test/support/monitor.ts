import { createLogger } from '@llm-engine/observability';
import { startMonitor } from '@llm-engine/monitor';
import type { Monitor, MonitorOptions } from '@llm-engine/monitor';
import type { HealthCheck, HealthReport, WorkerStatus } from '@llm-engine/contracts';
import type { TestEngine } from './engine.ts';
import { parsePrometheusText } from './prometheus-text.ts';
import type { MetricFamily } from './prometheus-text.ts';

/** A monitor of that engine on a free port, which reads Redis anew for each scrape unless told otherwise. */
export function monitorOf(
  { redisUrl, prefix }: Pick<TestEngine, 'redisUrl' | 'prefix'>,
  options: Partial<MonitorOptions> = {},
): Promise<Monitor> {
  const logger = createLogger({ service: 'monitor', level: 'silent' });
  return startMonitor({ redisUrl, prefix, port: 0, logger, metricsFreshMs: 0, ...options });
}

export async function scrape({ url }: Monitor): Promise<Map<string, MetricFamily>> {
  const answer = await fetch(`${url}/metrics`);
  return parsePrometheusText(await answer.text());
}

export async function healthOf({ url }: Monitor): Promise<HealthReport & { readonly httpStatus: number }> {
  const answer = await fetch(`${url}/health`);
  return { ...((await answer.json()) as HealthReport), httpStatus: answer.status };
}

/** The only check of that name. */
export function checkOf(report: HealthReport, name: string): HealthCheck | undefined {
  return report.checks[name]?.[0];
}

/** What a worker of the default pool says of itself. */
export function workerStatus(overrides: Partial<WorkerStatus> = {}): WorkerStatus {
  return {
    id: 'worker-1',
    host: 'node-1',
    pid: 1234,
    version: '0.1.0',
    pools: ['default'],
    queues: [{ queue: 'inference.default', slots: 8, busy: 1, jobs: ['job-1'] }],
    memoryBytes: 100_000_000,
    eventLoopLagMs: 2,
    draining: false,
    executors: [{ executor: 'scripted', status: 'pass', slots: 8, slotsInUse: 1 }],
    startedAt: Date.now() - 60_000,
    beatAt: Date.now(),
    ...overrides,
  };
}
