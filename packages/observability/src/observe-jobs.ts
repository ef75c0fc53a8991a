import type { Failure, JobEvent, JobRef, OnJobEvent } from '@llm-engine/contracts';
import type { ModelCall } from './genai-metrics.ts';
import type { RequestOutcome } from './executor-metrics.ts';
import type { Logger } from './logger.ts';
import type { Metrics } from './metrics.ts';
import { OTHER } from './registry.ts';
import { troubleLog } from './trouble-log.ts';

export interface ObserveJobsOptions {
  /** Name of the executor that runs a model; a worker knows. Without it no executor is counted. */
  readonly executorOf?: (model: string) => string | undefined;
  /** Unix milliseconds. */
  readonly now?: () => number;
}

/** Makes a log line and metrics of every transition of a job. What it returns never throws. */
export function observeJobs(metrics: Metrics, logger: Logger, options: ObserveJobsOptions = {}): OnJobEvent {
  const observation: Observation = {
    metrics,
    logger,
    onTrouble: troubleLog(logger, options.now),
    executorOf: options.executorOf ?? (() => undefined),
  };
  // Asked for now, so that the counters are on the page before the first job.
  void metrics.jobs;
  return (event) => {
    try {
      observe(observation, event);
    } catch (err) {
      // A job is worth more than its line in the log: what is wrong here must not end it.
      logger.error({ err, event: event.type }, 'an event could not be observed');
    }
  };
}

interface Observation {
  readonly metrics: Metrics;
  readonly logger: Logger;
  readonly onTrouble: (source: string, error: Error) => void;
  readonly executorOf: (model: string) => string | undefined;
}

function observe(to: Observation, event: JobEvent): void {
  const { metrics, logger } = to;
  const { jobs } = metrics;
  switch (event.type) {
    case 'enqueued': {
      jobs.enqueued(event);
      const { priority, delayMs } = event;
      logger.info({ ...refFields(event), priority, ...(delayMs > 0 && { delayMs }) }, 'job enqueued');
      return;
    }
    case 'started': {
      const { attempt, run, waitMs } = event;
      if (run === 1) jobs.waited(event, waitMs);
      logger.info({ ...refFields(event), attempt, run, waitMs }, 'job started');
      return;
    }
    case 'completed': {
      const { attempt, timings, e2eMs, usage } = event;
      jobs.attempted(event, 'completed', timings.runMs);
      jobs.processed(event, 'completed', e2eMs);
      countRequest(to, event, 'completed');
      const call = modelCall(to, event);
      if (call !== undefined) {
        const { runMs, firstChunkMs } = timings;
        const firstChunk = firstChunkMs === undefined ? {} : { firstChunk: firstChunkMs / 1_000 };
        metrics.genAi.answered(call, { total: runMs / 1_000, ...firstChunk }, usage);
      }
      logger.info({ ...refFields(event), attempt, ...timings, e2eMs, ...usage }, 'job completed');
      return;
    }
    case 'retrying': {
      const { attempt, error, delayMs, runMs } = event;
      jobs.attempted(event, 'retried', runMs);
      countFailure(to, event, error, runMs);
      logger.warn({ ...refFields(event), attempt, ...failureFields(error), runMs, delayMs }, 'job will be tried again');
      return;
    }
    case 'failed': {
      const { attempt, error, runMs, e2eMs } = event;
      jobs.attempted(event, 'failed', runMs);
      jobs.processed(event, 'failed', e2eMs);
      countFailure(to, event, error, runMs);
      logger.error({ ...refFields(event), attempt, ...failureFields(error), runMs, e2eMs }, 'job failed');
      return;
    }
    case 'cancelled': {
      const { runMs, e2eMs } = event;
      jobs.attempted(event, 'cancelled', runMs);
      jobs.processed(event, 'cancelled', e2eMs);
      countRequest(to, event, 'cancelled');
      logger.info({ ...refFields(event), runMs, e2eMs }, 'job cancelled');
      return;
    }
    case 'handed-over': {
      const { reason, runMs } = event;
      jobs.attempted(event, 'handed_over', runMs);
      logger.info({ ...refFields(event), reason, runMs }, 'job handed over');
      return;
    }
    case 'lease-lost': {
      jobs.attempted(event, 'lease_lost', event.runMs);
      jobs.lockLost(event.queue);
      logger.warn({ ...refFields(event), runMs: event.runMs }, 'job lost its lock and is left to its new worker');
      return;
    }
    case 'stalled': {
      const { jobId, queue } = event;
      jobs.stalled(queue);
      logger.warn({ jobId, queue }, 'job was left by its worker and waits again');
      return;
    }
    case 'rejected': {
      const { kind, reason } = event;
      jobs.rejected(kind, reason);
      logger.warn({ kind, reason }, 'submission rejected');
      return;
    }
    case 'trouble':
      to.onTrouble(event.source, event.error);
  }
}

function countFailure(to: Observation, ref: JobRef, error: Failure, runMs: number): void {
  to.metrics.jobs.erred(ref, error.class);
  countRequest(to, ref, 'failed', error);
  const call = modelCall(to, ref);
  if (call !== undefined) to.metrics.genAi.failed(call, runMs / 1_000, error.class);
}

function countRequest(to: Observation, { model }: JobRef, outcome: RequestOutcome, error?: Failure): void {
  const executor = to.executorOf(model);
  if (executor !== undefined) to.metrics.executors.ended(executor, outcome, error?.class);
}

function modelCall({ executorOf }: Observation, { endpoint, model }: JobRef): ModelCall | undefined {
  return endpoint && { endpoint, model, provider: executorOf(model) ?? OTHER };
}

function refFields({ jobId, kind, queue, model }: JobRef): Pick<JobRef, 'jobId' | 'kind' | 'queue' | 'model'> {
  return { jobId, kind, queue, model };
}

function failureFields({ class: errorType, code, message }: Failure): Record<string, string> {
  return { errorType, code, reason: message };
}
