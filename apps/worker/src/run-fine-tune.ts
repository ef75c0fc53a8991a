import { FailureError, failure, stopReason } from '@llm-engine/contracts';
import type { Completed, FineTunePayload } from '@llm-engine/contracts';
import type { ModelExecutor, RunEvent, RunStatus } from '@llm-engine/executors';
import type { Lease } from '@llm-engine/queue';

/** What a training needs to know of its job. */
type TrainingLease = Pick<Lease, 'id' | 'signal' | 'publish'>;
type Trainer = Pick<ModelExecutor, 'fineTune' | 'watchJob' | 'cancelJob'>;

/** Starts the training, or finds the one that an earlier run of this job started, and follows it to its end. */
export async function runFineTune(
  lease: TrainingLease,
  { request }: FineTunePayload,
  executor: Trainer,
  onTrouble: (error: Error) => void,
): Promise<Completed> {
  const runId = await executor.fineTune({ jobId: lease.id, request }, lease.signal);
  try {
    const { status, metrics } = await follow(lease, executor, runId);
    return completed(runId, status, metrics);
  } catch (error) {
    // A worker that stops leaves the training alone: the next one finds it.
    const reason = stopReason(lease.signal);
    if (reason === 'cancelled' || reason === 'timeout') await stop(executor, runId, onTrouble);
    throw error;
  }
}

/** The job ends also where its training cannot be stopped; then somebody has to know. */
async function stop(executor: Trainer, runId: string, onTrouble: (error: Error) => void): Promise<void> {
  try {
    await executor.cancelJob(runId);
  } catch (cause) {
    onTrouble(new Error(`The run '${runId}' could not be stopped: stop it where it trains.`, { cause }));
  }
}

type RunMetrics = NonNullable<RunEvent['metrics']>;

/** Resolves with how the run stood at its end, and with the last value of each of its metrics. */
async function follow(
  lease: TrainingLease,
  executor: Trainer,
  runId: string,
): Promise<{ readonly status: RunStatus; readonly metrics: RunMetrics }> {
  let last: RunStatus | undefined;
  const metrics: Record<string, number> = {};
  for await (const event of executor.watchJob(runId, { from: 1, signal: lease.signal })) {
    lease.publish(JSON.stringify(event));
    last = event.status;
    Object.assign(metrics, event.metrics);
  }
  lease.signal.throwIfAborted();
  if (last === undefined)
    throw new FailureError(failure('connection', `The run '${runId}' told nothing before it was gone.`));
  return { status: last, metrics };
}

function completed(
  runId: string,
  { state, fineTunedModel, trainedTokens, totalSteps, error }: RunStatus,
  metrics: RunMetrics,
): Completed {
  switch (state) {
    case 'succeeded':
      return {
        kind: 'completed',
        result: {
          run_id: runId,
          fine_tuned_model: fineTunedModel,
          trained_tokens: trainedTokens,
          steps: totalSteps,
          metrics,
        },
      };
    case 'failed':
      throw new FailureError(failure('fine_tune_failed', error ?? `The run '${runId}' failed without saying why.`));
    case 'cancelled':
      throw new FailureError(failure('fine_tune_failed', `The run '${runId}' was cancelled outside the engine.`));
    case 'pending':
    case 'running':
      throw new FailureError(failure('connection', `The run '${runId}' stopped telling before its end.`));
  }
}
