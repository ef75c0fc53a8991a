import { FailureError, failure } from '@llm-engine/contracts';
import type { FineTuneRequest } from '@llm-engine/contracts';
import { sleep, untilAborted } from '../abort.ts';
import type { FineTuneRun, RunEvent, RunStatus } from '../executor.ts';
import { seededRandom, seedOf } from './random.ts';
import type { MockTraining } from './settings.ts';

interface Plan {
  readonly steps: number;
  readonly stepMs: number;
  readonly checkpointEvery: number;
  readonly failAtStep: number | undefined;
}

interface Run {
  readonly id: string;
  readonly request: FineTuneRequest;
  readonly events: RunEvent[];
  readonly stop: AbortController;
  status: RunStatus;
  /** Settles with the next event; then there is a new one. */
  next: PromiseWithResolvers<void>;
}

/** Ended runs that are remembered. */
const MAX_ENDED_RUNS = 1000;
const TOKENS_PER_STEP = 2048;

/**
 * Fine-tune runs that live in memory:
 * 1. a run's id, its numbers and the numbering of its events follow from its job id, so one started again elsewhere repeats itself;
 * 2. each run goes forward on its own until it ends, is cancelled, or the runs are closed;
 * 3. any number of readers watch its events, from any of them on.
 */
export class TrainingRuns {
  readonly #runs = new Map<string, Run>();
  readonly #driving = new Set<Promise<void>>();
  readonly #closed = new AbortController();

  start({ jobId, request }: FineTuneRun, training: MockTraining): string {
    const id = `mock-run-${jobId}`;
    if (this.#runs.has(id)) return id;
    const plan = planOf(request, training);
    const run: Run = {
      id,
      request,
      events: [],
      stop: new AbortController(),
      status: { id, state: 'pending', progress: 0, step: 0, totalSteps: plan.steps },
      next: Promise.withResolvers(),
    };
    this.#runs.set(id, run);
    record(run, 'status', 'The run waits to be started.');
    const driving = this.#drive(run, plan).finally(() => this.#driving.delete(driving));
    this.#driving.add(driving);
    this.#forgetOldest();
    return id;
  }

  status(id: string): RunStatus | undefined {
    return this.#runs.get(id)?.status;
  }

  cancel(id: string): void {
    const run = this.#runs.get(id);
    if (run === undefined || hasEnded(run.status)) return;
    run.stop.abort();
    run.status = { ...run.status, state: 'cancelled' };
    record(run, 'status', `The run was cancelled at step ${run.status.step} of ${run.status.totalSteps}.`);
  }

  async *watch(id: string, from: number, signal: AbortSignal): AsyncGenerator<RunEvent, void, undefined> {
    const run = this.#runs.get(id);
    if (run === undefined) throw new FailureError(failure('not_found', unknownRun(id)));
    for (let at = Math.max(from, 1) - 1; ; at += 1) {
      while (at >= run.events.length) {
        if (hasEnded(run.status)) return;
        await untilAborted(run.next.promise, AbortSignal.any([signal, this.#closed.signal]));
      }
      const event = run.events[at];
      if (event !== undefined) yield event;
    }
  }

  /** Models that runs have trained, with the base of each. */
  trained(): readonly { readonly model: string; readonly base: string }[] {
    return [...this.#runs.values()].flatMap(({ status, request }) =>
      status.fineTunedModel === undefined ? [] : [{ model: status.fineTunedModel, base: request.model }],
    );
  }

  /** Stops every run where it is. */
  async close(reason: Error): Promise<void> {
    this.#closed.abort(reason);
    await Promise.all(this.#driving);
  }

  async #drive(run: Run, plan: Plan): Promise<void> {
    const signal = AbortSignal.any([run.stop.signal, this.#closed.signal]);
    try {
      await train(run, plan, signal);
    } catch (error) {
      // Cancelled, or closed: whoever did it has said so. Anything else is a defect of the mock.
      if (!signal.aborted) throw error;
    }
  }

  #forgetOldest(): void {
    let excess = this.#runs.size - MAX_ENDED_RUNS;
    for (const [id, run] of this.#runs) {
      if (excess <= 0) return;
      if (!hasEnded(run.status)) continue;
      this.#runs.delete(id);
      excess -= 1;
    }
  }
}

async function train(run: Run, plan: Plan, signal: AbortSignal): Promise<void> {
  const random = seededRandom(seedOf(run.id));
  const totalSteps = plan.steps;
  await sleep(plan.stepMs, signal);
  run.status = { ...run.status, state: 'running' };
  record(run, 'status', `Training of ${run.request.model} began: ${totalSteps} steps.`);
  for (let step = 1; step <= totalSteps; step += 1) {
    await sleep(plan.stepMs, signal);
    if (step === plan.failAtStep) {
      const error = `The run failed at step ${step}, as its request asked for; submit it without 'mock_fail_at_step'.`;
      run.status = { ...run.status, state: 'failed', error };
      record(run, 'status', error);
      return;
    }
    run.status = { ...run.status, step, progress: step / totalSteps, trainedTokens: step * TOKENS_PER_STEP };
    const loss = 0.4 + 2.6 * Math.exp((-3 * step) / totalSteps) * (0.95 + random() / 10);
    record(run, 'metrics', `Step ${step} of ${totalSteps}.`, { step, train_loss: Number(loss.toFixed(4)) });
    if (step % plan.checkpointEvery === 0) record(run, 'message', `Checkpoint written after step ${step}.`);
  }
  run.status = { ...run.status, state: 'succeeded', fineTunedModel: modelName(run) };
  record(run, 'status', `Training succeeded: ${run.status.fineTunedModel ?? ''}.`);
}

function record(run: Run, type: RunEvent['type'], message: string, metrics?: Readonly<Record<string, number>>): void {
  const seq = run.events.length + 1;
  run.events.push({
    seq,
    at: Date.now(),
    type,
    status: run.status,
    message,
    ...(metrics === undefined ? {} : { metrics }),
  });
  run.next.resolve();
  run.next = Promise.withResolvers();
}

function hasEnded({ state }: RunStatus): boolean {
  return state !== 'pending' && state !== 'running';
}

function modelName({ id, request }: Run): string {
  return `ft:${request.model}:llm-engine:${request.suffix ?? ''}:${seedOf(id).toString(36)}`;
}

function planOf({ hyperparameters = {} }: FineTuneRequest, training: MockTraining): Plan {
  const asked = (name: string): number | undefined => {
    const value = hyperparameters[name];
    return typeof value === 'number' && value >= 0 ? value : undefined;
  };
  return {
    steps: Math.max(1, Math.floor(asked('mock_steps') ?? training.steps ?? 20)),
    stepMs: asked('mock_step_ms') ?? training.stepMs ?? 50,
    checkpointEvery: training.checkpointEvery ?? 10,
    failAtStep: asked('mock_fail_at_step'),
  };
}

function unknownRun(id: string): string {
  return `There is no run '${id}' in this process; start it again with the id of its job.`;
}
