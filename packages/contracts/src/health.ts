export type HealthStatus = 'pass' | 'warn' | 'fail';

/** One measured component, after the Health Check Response Format for HTTP APIs (application/health+json). */
export interface HealthCheck {
  readonly componentId?: string;
  readonly componentType: 'datastore' | 'component' | 'system';
  readonly observedValue?: number | string | boolean;
  readonly observedUnit?: string;
  readonly status: HealthStatus;
  /** In words, what is wrong and what to do. Only when the status is not `pass`. */
  readonly output?: string;
  /** ISO 8601. */
  readonly time: string;
}

export interface HealthReport {
  readonly status: HealthStatus;
  readonly serviceId: string;
  readonly version: string;
  readonly description: string;
  readonly checks: Readonly<Record<string, readonly HealthCheck[]>>;
}

/** What an executor says of itself and of the endpoints behind it. */
export interface ExecutorHealth {
  readonly executor: string;
  readonly status: HealthStatus;
  /** In words, what is wrong and what to do. */
  readonly detail?: string;
  readonly slots: number;
  readonly slotsInUse: number;
}

/** The worst of several: one failure fails the whole, one warning warns. */
export function worstOf(statuses: Iterable<HealthStatus>): HealthStatus {
  let worst: HealthStatus = 'pass';
  for (const status of statuses) {
    if (status === 'fail') return 'fail';
    if (status === 'warn') worst = 'warn';
  }
  return worst;
}
