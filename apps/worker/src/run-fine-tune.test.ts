import { FailureError, failure } from '@llm-engine/contracts';
import type { Failure, StopReason } from '@llm-engine/contracts';
import type { ModelExecutor, RunEvent } from '@llm-engine/executors';
import { expect, test } from 'vitest';
import { runFineTune } from './run-fine-tune.ts';
import { FakeLease, fineTune } from './testing/fake-lease.ts';
import { runEvent, scriptedExecutor, untilAborted } from './testing/scripted-executor.ts';

/** An executor whose run tells these events, then ends or goes on for ever; `cancelled` holds the runs that it was told to stop. */
function trainer(events: readonly RunEvent[], { hang = false } = {}) {
  const cancelled: string[] = [];
  const executor = scriptedExecutor({
    fineTune: async ({ jobId }) => `run-of-${jobId}`,
    async *watchJob(_runId, { signal }) {
      yield* events;
      if (hang) await untilAborted(signal);
    },
    cancelJob: async (runId) => void cancelled.push(runId),
  });
  return { executor, cancelled };
}

function train(lease: FakeLease, executor: ModelExecutor, onTrouble: (error: Error) => void = () => undefined) {
  return runFineTune(lease, fineTune(), executor, onTrouble);
}

async function failureOf(promise: Promise<unknown>): Promise<Failure> {
  const error: unknown = await promise.then(
    () => new Error('it did not fail'),
    (reason: unknown) => reason,
  );
  if (error instanceof FailureError) return error.failure;
  throw error;
}

test('a training that succeeds ends with its model and its last metrics, and all its events went out in order', async () => {
  const end = { state: 'succeeded', fineTunedModel: 'ft:m', trainedTokens: 10, totalSteps: 3 } as const;
  const events: RunEvent[] = [
    { ...runEvent(1), metrics: { train_loss: 3, valid_loss: 4 } },
    { ...runEvent(2, { step: 1 }), metrics: { train_loss: 2 } },
    runEvent(3, end),
  ];
  const lease = new FakeLease();

  const completed = await train(lease, trainer(events).executor);

  expect(completed).toEqual({
    kind: 'completed',
    result: {
      run_id: 'run-of-job-1',
      fine_tuned_model: 'ft:m',
      trained_tokens: 10,
      steps: 3,
      metrics: { train_loss: 2, valid_loss: 4 },
    },
  });
  expect(lease.chunks.map((chunk) => JSON.parse(chunk) as unknown)).toEqual(events);
});

test.for<[what: string, last: RunEvent[], expected: Partial<Failure>]>([
  [
    'that fails',
    [runEvent(1, { state: 'failed', error: 'NaN loss' })],
    { class: 'fine_tune_failed', message: 'NaN loss' },
  ],
  ['that fails in silence', [runEvent(1, { state: 'failed' })], { class: 'fine_tune_failed' }],
  ['that somebody stopped outside', [runEvent(1, { state: 'cancelled' })], { class: 'fine_tune_failed' }],
  ['that stops telling before it began', [runEvent(1, { state: 'pending' })], { class: 'connection' }],
  ['that stops telling halfway', [runEvent(1)], { class: 'connection' }],
  ['that tells nothing', [], { class: 'connection' }],
])('a training %s fails, and is not stopped again', async ([, events, expected]) => {
  const { executor, cancelled } = trainer(events);

  const failed = await failureOf(train(new FakeLease(), executor));

  expect(failed).toMatchObject(expected);
  expect(failed.message).toMatch(/run-of-job-1|NaN loss/);
  expect(cancelled).toEqual([]);
});

test.for<[reason: StopReason, cancelled: string[]]>([
  ['cancelled', ['run-of-job-1']],
  ['timeout', ['run-of-job-1']],
  ['shutdown', []],
  ['lock-lost', []],
])('a run that stops because of %s stops these trainings: %j', async ([reason, expected]) => {
  const { executor, cancelled } = trainer([runEvent(1)], { hang: true });
  const lease = new FakeLease();
  const training = train(lease, executor);

  lease.stop(reason);

  await expect(training).rejects.toThrow('aborted');
  expect(cancelled).toEqual(expected);
});

test('a training is stopped also when its executor ends the events on an abort instead of failing', async () => {
  const lease = new FakeLease();
  const { executor, cancelled } = trainer([runEvent(1)]);
  const stopping: ModelExecutor = {
    ...executor,
    async *watchJob() {
      yield runEvent(1);
      lease.stop('cancelled');
    },
  };

  await expect(train(lease, stopping)).rejects.toBe('cancelled');

  expect(cancelled).toEqual(['run-of-job-1']);
});

test('a training that cannot be started fails as its executor says, and nothing is stopped', async () => {
  const { executor, cancelled } = trainer([]);
  const refusing = {
    ...executor,
    fineTune: () => Promise.reject(new FailureError(failure('unsupported', 'no trainer'))),
  };

  expect(await failureOf(train(new FakeLease(), refusing))).toMatchObject({ class: 'unsupported' });
  expect(cancelled).toEqual([]);
});

test('a training that cannot be stopped is reported, and its job ends all the same', async () => {
  const { executor } = trainer([runEvent(1)], { hang: true });
  const cause = new Error('the cluster does not answer');
  const stubborn = { ...executor, cancelJob: () => Promise.reject(cause) };
  const troubles: Error[] = [];
  const lease = new FakeLease();
  const training = train(lease, stubborn, (error) => troubles.push(error));

  lease.stop('cancelled');

  await expect(training).rejects.toThrow('aborted');
  expect(troubles).toMatchObject([{ message: expect.stringContaining("'run-of-job-1' could not be stopped"), cause }]);
});
