import { z } from 'zod';
import type { TokenUsage } from './jobs.ts';
import { metadataSchema } from './openai/metadata.ts';
import { PRIORITIES } from './priorities.ts';
import type { JobState } from './states.ts';

/** Jobs of one group. */
export const MAX_GROUP_JOBS = 10_000;

const metricName = z
  .string()
  .max(200)
  .regex(/^\w+(\.\w+)*$/, 'must be a path into the result, such as metrics.valid_loss');

/** Many jobs as one. The jobs are checked one by one, so that a message can say which of them is wrong. */
export const groupRequest = z.strictObject({
  jobs: z.array(z.unknown()).min(1).max(MAX_GROUP_JOBS),
  /** Of the jobs that have none of their own. Default `standard`. */
  priority: z.enum(PRIORITIES).optional(),
  metadata: metadataSchema.optional(),
  /** Which result is the best. */
  metric: z.strictObject({ name: metricName, goal: z.enum(['min', 'max']) }).optional(),
});

/** Which result of a group is the best. */
export interface GroupMetric {
  /** Path into a result, such as `metrics.valid_loss` or `usage.total_tokens`. */
  readonly name: string;
  readonly goal: 'min' | 'max';
}

/** `cancelled`: it was cancelled before all of its jobs had ended; those that had keep their ends. */
export type GroupState = 'running' | 'cancelling' | 'completed' | 'cancelled';

/** A group as it stands. Times are Unix milliseconds. */
export interface Group {
  readonly id: string;
  readonly state: GroupState;
  readonly owner: string;
  readonly metadata: Readonly<Record<string, string>>;
  readonly createdAt: number;
  readonly cancelledAt?: number;
  /** When the last of its jobs had ended. */
  readonly finishedAt?: number;
  /** Jobs in all, and of each state. */
  readonly counts: Readonly<Record<JobState | 'total', number>>;
  /** Tokens of all jobs that have ended. */
  readonly usage: TokenUsage;
  readonly metric?: GroupMetric;
  /** The best result so far, by the metric; of equal ones the first. */
  readonly best?: { readonly jobId: string; readonly index: number; readonly value: number };
  /** The group whose failed and cancelled jobs this one tries again. */
  readonly retryOf?: string;
}
