import { FailureError, failure, modelOf, stopReason } from '@llm-engine/contracts';
import type { Completed, Failure, JobKind, Outcome } from '@llm-engine/contracts';
import type { ExecutorRegistry } from '@llm-engine/executors';
import type { Lease } from '@llm-engine/queue';
import { AT_LARGE } from './quarantine.ts';
import type { Quarantine } from './quarantine.ts';
import { runFineTune } from './run-fine-tune.ts';
import { runInference } from './run-inference.ts';
import type { OnChunkGap } from './run-inference.ts';

/** What a run uses of its lease. */
export type RunLease = Pick<
  Lease,
  | 'id'
  | 'payload'
  | 'ref'
  | 'signal'
  | 'crashes'
  | 'earlierEnd'
  | 'enterQuarantine'
  | 'leaveQuarantine'
  | 'deadline'
  | 'publish'
>;

export interface RunJobTools {
  readonly executors: Pick<ExecutorRegistry, 'resolve'>;
  readonly quarantine: Quarantine;
  readonly onChunkGap: OnChunkGap;
  readonly onTrouble: (error: Error) => void;
  readonly limits: Readonly<Record<JobKind, RunLimits>>;
}

interface RunLimits {
  /** Bound on one attempt where the job sets none, in milliseconds. */
  readonly timeoutMs: number;
  /** Lost workers after which the job is suspected of killing them, and runs in quarantine. One may be chance. */
  readonly suspectAfter: number;
}

/** Workers that may die while a job is in quarantine before it is a dead letter. */
const DEATHS_IN_QUARANTINE = 2;
const QUARANTINE_DELAY_MS = 500;
const HAND_OVER_DELAY_MS = 100;

/** One run of a job, from its lease to its outcome. Never throws for what is expected to go wrong. */
export async function runJob(lease: RunLease, tools: RunJobTools): Promise<Outcome> {
  const limits = tools.limits[lease.payload.kind];
  if (await lease.earlierEnd()) return { kind: 'ended-before' };

  await using cell = lease.crashes < limits.suspectAfter ? AT_LARGE : await tools.quarantine.enter(lease);
  if (cell === undefined) return { kind: 'handed-over', reason: 'quarantine', delayMs: QUARANTINE_DELAY_MS };
  if (cell.deaths >= DEATHS_IN_QUARANTINE) return failed(workerCrashed(lease));

  const timeoutMs = lease.payload.timeoutMs ?? limits.timeoutMs;
  using _deadline = lease.deadline(timeoutMs);
  try {
    lease.signal.throwIfAborted();
    return await execute(lease, tools);
  } catch (error) {
    return stopped(lease, timeoutMs) ?? failed(understood(error));
  }
}

async function execute(lease: RunLease, { executors, onChunkGap, onTrouble }: RunJobTools): Promise<Completed> {
  const model = modelOf(lease.payload);
  const found = executors.resolve(model);
  if (found === undefined) throw new FailureError(modelGone(model));
  switch (lease.payload.kind) {
    case 'inference':
      return runInference(lease, lease.payload, found.executor, onChunkGap);
    case 'fine-tune':
      return runFineTune(lease, lease.payload, found.executor, onTrouble);
  }
}

/** What a run comes to that was told to stop; undefined when it was not. */
function stopped({ signal, payload }: RunLease, timeoutMs: number): Outcome | undefined {
  const reason = stopReason(signal);
  switch (reason) {
    case undefined:
      return undefined;
    case 'cancelled':
      return { kind: 'cancelled' };
    case 'shutdown':
      return { kind: 'handed-over', reason, delayMs: HAND_OVER_DELAY_MS };
    case 'lock-lost':
      return { kind: 'lease-lost' };
    case 'timeout':
      return failed(timedOut(payload.kind, timeoutMs));
  }
}

/** An error that no executor has classified is a defect: the consumer reports it. */
function understood(error: unknown): Failure {
  if (error instanceof FailureError) return error.failure;
  throw error;
}

function failed(cause: Failure): Outcome {
  return { kind: 'failed', failure: cause };
}

function timedOut(kind: JobKind, timeoutMs: number): Failure {
  const message = `The attempt took longer than its limit of ${timeoutMs} ms. Raise timeout_ms, or ask for less.`;
  // The training was stopped for good: another attempt would only find it so.
  if (kind === 'fine-tune') return failure('fine_tune_failed', message, { code: 'timeout', status: 504 });
  return failure('timeout', message);
}

function workerCrashed({ crashes }: RunLease): Failure {
  return failure(
    'worker_crashed',
    `The job's worker went away ${crashes} times while the job ran. It is not tried again by itself: look at the workers' logs for the cause, then retry it.`,
  );
}

/** The producer knew the model, so it may be on its way, or its configuration has changed: worth another attempt. */
function modelGone(model: string): Failure {
  return failure(
    'overloaded',
    `No worker of this pool can run the model '${model}' now. Check its server, and the worker's configuration.`,
    {
      code: 'model_unavailable',
    },
  );
}
