import { isTerminal } from '@llm-engine/contracts';
import type { JobState } from '@llm-engine/contracts';
import type { WireJob } from '../client/wire.ts';
import { textOfResult } from './answer-text.ts';
import { factLines, pairs } from './facts.ts';
import { table } from './table.ts';
import type { Terminal } from './terminal.ts';
import { formatDuration, moment } from './time.ts';

type Paint = Terminal['paint'];

const COLORS: Readonly<Record<JobState, 'green' | 'red' | 'yellow' | 'cyan' | 'blue' | 'gray'>> = {
  queued: 'blue',
  scheduled: 'cyan',
  running: 'yellow',
  succeeded: 'green',
  failed: 'red',
  cancelled: 'gray',
};

export function paintState(state: JobState, paint: Paint): string {
  return paint[COLORS[state]](state);
}

/** A line a job, newest first as they came. */
export function jobTable(jobs: readonly WireJob[], paint: Paint, now: number): readonly string[] {
  const head = ['ID', 'STATE', 'KIND', 'MODEL', 'PRIORITY', 'ATTEMPTS', 'AGE', 'RAN'].map((name) => paint.dim(name));
  const rows = jobs.map((job) => [
    job.id,
    paintState(job.state, paint),
    job.kind,
    job.model,
    job.priority,
    `${job.attempts}/${job.max_attempts}`,
    formatDuration(now - job.created_at * 1_000),
    ranFor(job, now),
  ]);
  return table([head, ...rows]);
}

/** All that is known of a job, its answer last. */
export function jobLines(job: WireJob, paint: Paint, now: number): readonly string[] {
  const facts: (readonly [string, string | undefined])[] = [
    ['Job', job.id],
    ['State', paintState(job.state, paint)],
    ['Kind', job.endpoint === null ? job.kind : `${job.kind}  ${job.endpoint}`],
    ['Model', job.model],
    ['Queue', `${job.queue}  ${job.priority}`],
    ['Attempts', `${job.attempts} of ${job.max_attempts}`],
    ['Created', moment(job.created_at, now)],
    ['Due', isTerminal(job.state) ? undefined : moment(job.scheduled_for, now)],
    ['Started', moment(job.started_at, now)],
    ['Finished', moment(job.finished_at, now)],
    ['Took', timingsOf(job)],
    ['Tokens', tokensOf(job)],
    ['Metadata', pairs(job.metadata)],
    ['Retry of', job.retry_of ?? undefined],
    ['Error', job.error === null ? undefined : paint.red(`${job.error.code}: ${job.error.message}`)],
    ...job.attempt_errors.map(
      ({ attempt, error }) => [`Attempt ${attempt}`, `${error.code}: ${error.message}`] as const,
    ),
  ];
  const lines = factLines(facts, paint);
  return job.result === undefined ? lines : [...lines, '', textOfResult(job.result)];
}

/** How a job ended, in one line. */
export function endLine(job: WireJob, paint: Paint): string {
  const parts = [paintState(job.state, paint), timingsOf(job), tokensOf(job)];
  if (job.error !== null) parts.push(`${job.error.code}: ${job.error.message}`);
  if (job.attempts > 1) parts.push(`${job.attempts} attempts`);
  return parts.filter((part) => part !== undefined).join(' · ');
}

function timingsOf({ timings }: WireJob): string | undefined {
  if (timings === null) return undefined;
  const first = timings.first_chunk_ms === null ? '' : `, first token after ${formatDuration(timings.first_chunk_ms)}`;
  return `waited ${formatDuration(timings.wait_ms)}, ran ${formatDuration(timings.run_ms)}${first}`;
}

function tokensOf({ usage }: WireJob): string | undefined {
  return usage === null ? undefined : `${usage.prompt_tokens} + ${usage.completion_tokens} tokens`;
}

function ranFor({ started_at: started, finished_at: finished, state }: WireJob, now: number): string {
  if (started === null) return '-';
  if (finished === null && state !== 'running') return '-';
  return formatDuration((finished ?? now / 1_000) * 1_000 - started * 1_000);
}
