import type { FineTuneSubmission } from '@llm-engine/contracts';
import { ExecutorRegistry, MockExecutor } from '@llm-engine/executors';
import type { RunEvent } from '@llm-engine/executors';
import type { JobHandle, StreamEvent } from '@llm-engine/queue';
import { expect, test } from 'vitest';
import { TestEngine, modelInfo } from '../support/engine.ts';
import { workerOf } from '../support/worker.ts';

/** The mock, and what it was told to stop. */
class WatchedMock extends MockExecutor {
  readonly cancelled: string[] = [];

  override async cancelJob(runId: string): Promise<void> {
    this.cancelled.push(runId);
    await super.cancelJob(runId);
  }
}

const MODELS = { models: [modelInfo('mock', { executor: 'mock' }), modelInfo('fixed', { trainable: false })] };
const SHORT = { mock_steps: 5, mock_step_ms: 5 };
const LONG = { mock_steps: 100_000, mock_step_ms: 5 };

function fineTune(hyperparameters: Readonly<Record<string, number>>, overrides = {}): FineTuneSubmission {
  return {
    kind: 'fine-tune',
    model: 'mock',
    dataset: 'data.jsonl',
    hyperparameters: { ...hyperparameters },
    ...overrides,
  };
}

async function collect(stream: AsyncIterable<StreamEvent>): Promise<StreamEvent[]> {
  const events: StreamEvent[] = [];
  for await (const event of stream) events.push(event);
  return events;
}

function progressOf(events: readonly StreamEvent[]): RunEvent[] {
  return events.filter((event) => event.type === 'chunk').map(({ chunk }) => JSON.parse(chunk) as RunEvent);
}

/** Resolves when the training has done a step. */
async function trains(handle: JobHandle): Promise<void> {
  for await (const event of handle.stream()) {
    if (event.type === 'chunk' && (JSON.parse(event.chunk) as RunEvent).status.step > 0) return;
  }
}

test('a fine-tune tells its progress step by step, and ends with its model', async () => {
  await using engine = await TestEngine.start(MODELS);
  await using executors = new ExecutorRegistry([new MockExecutor()]);
  await using _worker = await workerOf(engine, executors);

  const handle = await engine.producer.submit(fineTune(SHORT, { suffix: 'mine', metadata: { team: 'a' } }));
  const events = await collect(handle.stream());

  const progress = progressOf(events);
  expect(progress.map(({ seq }) => seq)).toEqual(progress.map((_, index) => index + 1));
  expect(progress.filter(({ type }) => type === 'metrics').map(({ metrics }) => metrics?.['step'])).toEqual([
    1, 2, 3, 4, 5,
  ]);
  expect(progress.at(-1)).toMatchObject({ status: { state: 'succeeded', progress: 1 } });
  expect(events.at(-1)).toMatchObject({
    type: 'end',
    record: {
      kind: 'fine-tune',
      state: 'succeeded',
      queue: 'fine-tune',
      attempts: 1,
      metadata: { team: 'a' },
      result: { fine_tuned_model: expect.stringMatching(/^ft:mock:llm-engine:mine:/), steps: 5 },
    },
  });
});

test('a fine-tune that is cancelled in the middle stops its training and ends cancelled', async () => {
  await using engine = await TestEngine.start(MODELS);
  const mock = new WatchedMock();
  await using executors = new ExecutorRegistry([mock]);
  await using _worker = await workerOf(engine, executors);
  const handle = await engine.producer.submit(fineTune(LONG));
  await trains(handle);

  const cancelledAt = Date.now();
  await handle.cancel();
  await expect.poll(() => mock.cancelled, { timeout: 5_000 }).toHaveLength(1);
  const took = Date.now() - cancelledAt;
  const [runId = ''] = mock.cancelled;

  expect(await handle.result()).toMatchObject({ state: 'cancelled' });
  expect(await mock.getJobStatus(runId, new AbortController().signal)).toMatchObject({ state: 'cancelled' });
  expect(took).toBeLessThan(2_000);
});

test('a training that fails fails its job with the reason, and is not started again', async () => {
  await using engine = await TestEngine.start(MODELS);
  await using executors = new ExecutorRegistry([new MockExecutor()]);
  await using _worker = await workerOf(engine, executors);

  const handle = await engine.producer.submit(fineTune({ ...SHORT, mock_fail_at_step: 3 }));
  const events = await collect(handle.stream());

  expect(progressOf(events).at(-1)).toMatchObject({ status: { state: 'failed', step: 2 } });
  expect(events.at(-1)).toMatchObject({
    record: {
      state: 'failed',
      attempts: 1,
      error: { class: 'fine_tune_failed', message: expect.stringContaining('failed at step 3') },
    },
  });
});

test('a worker that stops leaves the training alone: the next one follows it to its end, no attempt used', async () => {
  await using engine = await TestEngine.start(MODELS);
  const mock = new WatchedMock();
  await using executors = new ExecutorRegistry([mock]);
  const first = await workerOf(engine, executors);
  const handle = await engine.producer.submit(fineTune({ mock_steps: 100, mock_step_ms: 10 }, { maxAttempts: 1 }));
  await trains(handle);

  await first.close();
  await using _second = await workerOf(engine, executors);
  const events = await collect(handle.stream());

  expect(mock.cancelled).toEqual([]);
  expect(events.filter(({ type }) => type === 'restart')).toHaveLength(1);
  expect(events.at(-1)).toMatchObject({ record: { state: 'succeeded', attempts: 1, result: { steps: 100 } } });
});

test('a fine-tune that takes longer than its limit stops its training and says so', async () => {
  await using engine = await TestEngine.start(MODELS);
  const mock = new WatchedMock();
  await using executors = new ExecutorRegistry([mock]);
  await using _worker = await workerOf(engine, executors);

  const handle = await engine.producer.submit(fineTune(LONG, { timeoutMs: 100 }));
  const record = await handle.result();

  expect(record).toMatchObject({
    state: 'failed',
    attempts: 1,
    error: { code: 'timeout', status: 504, message: expect.stringContaining('100 ms') },
  });
  expect(mock.cancelled).toHaveLength(1);
});

test('a model without a trainer is refused when the job is submitted', async () => {
  await using engine = await TestEngine.start(MODELS);

  await expect(engine.producer.submit(fineTune(SHORT, { model: 'fixed' }))).rejects.toMatchObject({
    code: 'invalid_request',
    param: 'model',
    message: expect.stringContaining("'fixed' cannot be fine-tuned"),
  });
});
