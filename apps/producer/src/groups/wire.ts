import { EngineError, JOB_STATES } from '@llm-engine/contracts';
import type { Group } from '@llm-engine/contracts';
import { z } from 'zod';
import { fromWire, isObject } from '../jobs/wire.ts';

const seconds = z.number().describe('Unix seconds; milliseconds are the fraction.');
const count = z.int().nonnegative();

/** A group as `GET /v1/groups/{id}` answers it. */
export const wireGroup = z.object({
  id: z.string(),
  object: z.literal('group'),
  state: z.enum(['running', 'cancelling', 'completed', 'cancelled']),
  counts: z.record(z.enum(['total', ...JOB_STATES]), count).describe('Jobs in all, and of each state.'),
  usage: z
    .object({ prompt_tokens: count, completion_tokens: count, total_tokens: count })
    .describe('Tokens of the jobs that have ended.'),
  metric: z
    .object({ name: z.string(), goal: z.enum(['min', 'max']) })
    .nullable()
    .describe('Which result is the best: a path into it, and where to.'),
  best: z
    .object({ job_id: z.string(), index: z.int().describe('Place in the group, from 0.'), value: z.number() })
    .nullable()
    .describe('The best result so far, by the metric.'),
  metadata: z.record(z.string(), z.string()),
  created_at: seconds,
  cancelled_at: seconds.nullable(),
  finished_at: seconds.nullable().describe('When the last of its jobs had ended, in Unix seconds.'),
  retry_of: z.string().nullable().describe('The group whose failed and cancelled jobs this one tries again.'),
});
type WireGroup = z.infer<typeof wireGroup>;

export function toWireGroup(group: Group): WireGroup {
  const { usage, best } = group;
  return {
    id: group.id,
    object: 'group',
    state: group.state,
    counts: group.counts,
    usage: {
      prompt_tokens: usage.promptTokens,
      completion_tokens: usage.completionTokens,
      total_tokens: usage.totalTokens,
    },
    metric: group.metric ?? null,
    best: best === undefined ? null : { job_id: best.jobId, index: best.index, value: best.value },
    metadata: group.metadata,
    created_at: group.createdAt / 1_000,
    cancelled_at: toSeconds(group.cancelledAt),
    finished_at: toSeconds(group.finishedAt),
    retry_of: group.retryOf ?? null,
  };
}

function toSeconds(ms: number | undefined): number | null {
  return ms === undefined ? null : ms / 1_000;
}

/** A submitted group whose jobs have their fields renamed. Whatever else it is, is checked where groups are made. */
export function fromWireGroup(submitted: unknown): unknown {
  if (!isObject(submitted)) {
    throw new EngineError('invalid_request', "The request body must be a JSON object: a group, with its 'jobs'.");
  }
  const { jobs, ...rest } = submitted;
  return { ...rest, jobs: Array.isArray(jobs) ? jobs.map(fromWire) : jobs };
}
