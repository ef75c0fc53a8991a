import { FAILURES, JOB_KINDS, REJECT_REASONS } from '@llm-engine/contracts';
import type { FailureClass, JobKind, RejectReason } from '@llm-engine/contracts';
import { METRIC_PREFIX, OTHER } from './registry.ts';
import type { MetricRegistry } from './registry.ts';

/** The final ends of a job. */
const JOB_OUTCOMES = ['completed', 'failed', 'cancelled'] as const;
export type JobOutcome = (typeof JOB_OUTCOMES)[number];

/** How one attempt ended; a job may have many. */
const ATTEMPT_OUTCOMES = ['completed', 'failed', 'retried', 'cancelled', 'handed_over', 'lease_lost'] as const;
export type AttemptOutcome = (typeof ATTEMPT_OUTCOMES)[number];

/** The labels of nearly every job metric. */
export interface JobLabels {
  readonly queue: string;
  readonly kind: JobKind;
}

const PER_JOB = ['queue', 'kind'] as const;

/** Rate, errors and duration of jobs. */
export class JobMetrics {
  readonly #enqueued;
  readonly #rejected;
  readonly #processed;
  readonly #attempts;
  readonly #errors;
  readonly #wait;
  readonly #run;
  readonly #e2e;
  readonly #stalled;
  readonly #deadLettered;
  readonly #lockRenewalFailures;

  constructor(registry: MetricRegistry) {
    const name = (rest: string): string => `${METRIC_PREFIX}${rest}`;
    this.#enqueued = registry.counter({
      name: name('jobs_enqueued_total'),
      help: 'Jobs that were accepted.',
      labels: PER_JOB,
    });
    this.#rejected = registry.counter({
      name: name('jobs_rejected_total'),
      help: 'Submissions that were not accepted.',
      labels: ['kind', 'reason'],
    });
    this.#processed = registry.counter({
      name: name('jobs_processed_total'),
      help: 'Jobs that came to their end on a worker.',
      labels: [...PER_JOB, 'outcome'],
    });
    this.#attempts = registry.counter({
      name: name('job_attempts_total'),
      help: 'Attempts that ended, retried ones included.',
      labels: [...PER_JOB, 'outcome'],
    });
    this.#errors = registry.counter({
      name: name('job_errors_total'),
      help: 'Attempts that failed, by class of failure.',
      labels: [...PER_JOB, 'error_type'],
    });
    this.#wait = registry.histogram({
      name: name('job_wait_duration_seconds'),
      help: 'From the submission, less the intended delay, to the start of the first attempt.',
      labels: PER_JOB,
    });
    this.#run = registry.histogram({
      name: name('job_run_duration_seconds'),
      help: 'Duration of one attempt.',
      labels: PER_JOB,
    });
    this.#e2e = registry.histogram({
      name: name('job_e2e_duration_seconds'),
      help: 'From the submission to the end of the job.',
      labels: PER_JOB,
    });
    this.#stalled = registry.counter({
      name: name('jobs_stalled_total'),
      help: 'Jobs whose worker went away without a word.',
      labels: ['queue'],
    });
    this.#deadLettered = registry.counter({
      name: name('jobs_dead_lettered_total'),
      help: 'Jobs that failed for good and wait to be looked at.',
      labels: PER_JOB,
    });
    this.#lockRenewalFailures = registry.counter({
      name: name('worker_lock_renewal_failures_total'),
      help: 'Runs that lost the lock of their job.',
      labels: ['queue'],
    });
    for (const kind of [...JOB_KINDS, 'unknown'] as const) {
      for (const reason of REJECT_REASONS) this.#rejected.inc({ kind, reason }, 0);
    }
  }

  /** Sets the counters of a queue that this process will work on to 0, so that their first increase is one. */
  expect({ queue, kind }: JobLabels): void {
    const labels = { queue, kind };
    this.#enqueued.inc(labels, 0);
    for (const outcome of JOB_OUTCOMES) this.#processed.inc({ ...labels, outcome }, 0);
    for (const outcome of ATTEMPT_OUTCOMES) this.#attempts.inc({ ...labels, outcome }, 0);
    for (const type of [...Object.keys(FAILURES), OTHER]) this.#errors.inc({ ...labels, error_type: type }, 0);
    for (const histogram of [this.#wait, this.#run, this.#e2e]) histogram.zero(labels);
    this.#stalled.inc({ queue }, 0);
    this.#deadLettered.inc(labels, 0);
    this.#lockRenewalFailures.inc({ queue }, 0);
  }

  enqueued({ queue, kind }: JobLabels): void {
    this.#enqueued.inc({ queue, kind });
  }

  rejected(kind: JobKind | 'unknown', reason: RejectReason): void {
    this.#rejected.inc({ kind, reason });
  }

  /** The first start of a job. */
  waited({ queue, kind }: JobLabels, waitMs: number): void {
    this.#wait.observe({ queue, kind }, waitMs / 1_000);
  }

  attempted({ queue, kind }: JobLabels, outcome: AttemptOutcome, runMs: number): void {
    this.#attempts.inc({ queue, kind, outcome });
    this.#run.observe({ queue, kind }, runMs / 1_000);
  }

  erred({ queue, kind }: JobLabels, errorType: FailureClass): void {
    this.#errors.inc({ queue, kind, error_type: knownErrorType(errorType) });
  }

  processed({ queue, kind }: JobLabels, outcome: JobOutcome, e2eMs: number): void {
    this.#processed.inc({ queue, kind, outcome });
    this.#e2e.observe({ queue, kind }, e2eMs / 1_000);
    if (outcome === 'failed') this.#deadLettered.inc({ queue, kind });
  }

  stalled(queue: string): void {
    this.#stalled.inc({ queue });
  }

  lockLost(queue: string): void {
    this.#lockRenewalFailures.inc({ queue });
  }
}

/** The allow-list of the `error_type` label; a worker of a newer version may know more classes than this one. */
export function knownErrorType(errorType: string): string {
  return Object.hasOwn(FAILURES, errorType) ? errorType : OTHER;
}
