import { expect, test } from 'vitest';
import type { FineTuneRun, ModelExecutor, RunEvent } from '../executor.ts';
import { collect, failureOf, never } from './subject.ts';
import type { ConformanceSubject, Hyperparameters, StartSubject, TrainingSubject } from './subject.ts';

export function describeTraining(start: StartSubject<TrainingSubject>): void {
  test('a run goes from pending to succeeded, and numbers its events without gaps', async () => {
    await using subject = await start();
    const { executor, training } = subject;
    const runId = await executor.fineTune(run(subject, 'job-1', training.short), never());

    const events = await watch(executor, runId, 1);

    expect(events.map(({ seq }) => seq)).toEqual(events.map((_, index) => index + 1));
    expect(events[0]?.status.state).toBe('pending');
    expect(events.some(({ status }) => status.state === 'running')).toBe(true);
    expect(events.some(({ metrics }) => metrics !== undefined)).toBe(true);
    const status = await executor.getJobStatus(runId, never());
    expect(status).toEqual(events.at(-1)?.status);
    expect(status).toMatchObject({ state: 'succeeded', progress: 1, fineTunedModel: expect.any(String) });
  });

  test('the same job id finds the same run', async () => {
    await using subject = await start();
    const { executor, training } = subject;
    const first = await executor.fineTune(run(subject, 'job-1', training.short), never());
    await watch(executor, first, 1);

    const again = await executor.fineTune(run(subject, 'job-1', training.short), never());

    expect(again).toBe(first);
    await expect(executor.getJobStatus(again, never())).resolves.toMatchObject({ state: 'succeeded' });
  });

  test('a reader goes on from the event where it was', async () => {
    await using subject = await start();
    const { executor, training } = subject;
    const runId = await executor.fineTune(run(subject, 'job-1', training.short), never());
    const all = await watch(executor, runId, 1);

    const rest = await watch(executor, runId, 3);

    expect(rest).toEqual(all.slice(2));
  });

  test('a run that fails says why', async () => {
    await using subject = await start();
    const { executor, training } = subject;
    const runId = await executor.fineTune(run(subject, 'job-1', training.failing), never());

    const events = await watch(executor, runId, 1);

    expect(events.at(-1)?.status).toMatchObject({ state: 'failed', error: expect.any(String) });
  });

  test('a cancelled run stays cancelled, and its readers end', async () => {
    await using subject = await start();
    const { executor, training } = subject;
    const runId = await executor.fineTune(run(subject, 'job-1', training.long), never());
    const watching = watch(executor, runId, 1);

    await executor.cancelJob(runId);
    await executor.cancelJob(runId);

    const events = await watching;
    expect(events.filter(({ status }) => status.state === 'cancelled')).toHaveLength(1);
    await expect(executor.getJobStatus(runId, never())).resolves.toMatchObject({ state: 'cancelled' });
  });

  test('an aborted reader stops, and the run goes on', async () => {
    await using subject = await start();
    const { executor, training } = subject;
    const runId = await executor.fineTune(run(subject, 'job-1', training.long), never());
    const stop = new AbortController();
    const reader = watch(executor, runId, 1, stop.signal);
    const ended = failureOf(reader);

    stop.abort(new Error('enough'));

    await expect(ended).resolves.toMatchObject({ message: 'enough' });
    const status = await executor.getJobStatus(runId, never());
    expect(status?.state).toMatch(/pending|running/);
  });

  test('a run that nobody started is unknown, and cancelling it does nothing', async () => {
    await using subject = await start();
    const { executor } = subject;

    await executor.cancelJob('run-of-nobody');

    await expect(executor.getJobStatus('run-of-nobody', never())).resolves.toBeUndefined();
    await expect(failureOf(watch(executor, 'run-of-nobody', 1))).resolves.toMatchObject({ class: 'not_found' });
  });
}

export function describeNoTraining(start: StartSubject): void {
  test('an executor that cannot train says which can', async () => {
    await using subject = await start();
    const { executor } = subject;

    const refusals = await Promise.all([
      failureOf(executor.fineTune(run(subject, 'job-1', {}), never())),
      failureOf(executor.getJobStatus('run-1', never())),
      failureOf(collect(executor.watchJob('run-1', { from: 1, signal: never() }))),
      failureOf(executor.cancelJob('run-1')),
    ]);

    for (const refusal of refusals) {
      expect(refusal).toMatchObject({ class: 'unsupported', message: expect.stringContaining("'mock'") });
    }
  });
}

function run({ model }: ConformanceSubject, jobId: string, hyperparameters: Hyperparameters): FineTuneRun {
  return { jobId, request: { model, dataset: 'file://train.jsonl', hyperparameters } };
}

function watch(executor: ModelExecutor, runId: string, from: number, signal = never()): Promise<RunEvent[]> {
  return collect(executor.watchJob(runId, { from, signal }));
}
