import { worstOf } from '@llm-engine/contracts';
import type { HealthReport } from '@llm-engine/contracts';
import type { Checks } from './check.ts';

export const HEALTH_CONTENT_TYPE = 'application/health+json';

interface ReportOptions {
  readonly serviceId: string;
  readonly version: string;
  readonly checks: Checks;
}

/** All checks as one report, which is as bad as the worst of them. */
export function healthReport({ serviceId, version, checks }: ReportOptions): HealthReport {
  const all = Object.values(checks).flat();
  const amiss = Object.entries(checks).filter(([, found]) => found.some(({ status }) => status !== 'pass'));
  const description =
    amiss.length === 0 ? 'All is well.' : `Look at ${amiss.map(([name]) => name).join(', ')}: each says what to do.`;
  return { status: worstOf(all.map(({ status }) => status)), serviceId, version, description, checks };
}
