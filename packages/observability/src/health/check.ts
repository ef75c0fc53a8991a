import type { HealthCheck, HealthStatus } from '@llm-engine/contracts';

/** Checks by `component:measurement`, as the health report holds them. */
export type Checks = Readonly<Record<string, readonly HealthCheck[]>>;

/** What was observed, before it is known when. */
export type Observation = Omit<HealthCheck, 'time' | 'componentType'>;

/** `warn` and `fail` say when a value is that bad; the worse wins. */
export function judge(bad: { readonly warn?: boolean; readonly fail?: boolean }): HealthStatus {
  if (bad.fail === true) return 'fail';
  return bad.warn === true ? 'warn' : 'pass';
}

/** Adds what is wrong and what to do, which only a check that does not pass has. */
export function withOutput(observation: Omit<Observation, 'output'>, output: string): Observation {
  return observation.status === 'pass' ? observation : { ...observation, output };
}
