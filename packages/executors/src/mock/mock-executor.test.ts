import { FailureError } from '@llm-engine/contracts';
import type { InferenceEndpoint } from '@llm-engine/contracts';
import { expect, test } from 'vitest';
import { describeTrainingExecutor } from '../conformance/describe-conformance.ts';
import { collect, failureOf, never } from '../conformance/subject.ts';
import { MockExecutor } from './mock-executor.ts';

describeTrainingExecutor('the mock executor', async () => {
  const executor = new MockExecutor();
  return {
    executor,
    model: 'mock',
    cases: {
      hang: { mock: { case: 'hang' } },
      hangAfterOneChunk: { mock: { case: 'hang', afterChunks: 1 } },
      rateLimited: { mock: { case: 'fail', class: 'rate_limited', retryAfterMs: 2000 } },
      badRequest: { mock: { case: 'fail', class: 'bad_request' } },
      interruptedAfterOneChunk: { mock: { case: 'fail', class: 'stream_interrupted', afterChunks: 1 } },
    },
    arrived: () => Promise.resolve(),
    training: {
      short: { mock_steps: 3, mock_step_ms: 1 },
      failing: { mock_steps: 3, mock_step_ms: 1, mock_fail_at_step: 2 },
      long: { mock_steps: 1000, mock_step_ms: 1000 },
    },
    [Symbol.asyncDispose]: () => executor[Symbol.asyncDispose](),
  };
});

test('the same seed gives the same sequence of failures', async () => {
  const first = await outcomes(42, 30);
  const second = await outcomes(42, 30);
  const other = await outcomes(43, 30);

  expect(second).toEqual(first);
  expect(other).not.toEqual(first);
  expect(new Set(first)).toEqual(new Set(['ok', 'rate_limited', 'server_error']));
});

test('a scripted failure counts the tries of its job', async () => {
  await using mock = new MockExecutor();
  const fields = { mock: { case: 'fail', class: 'overloaded', times: 2 } };

  const tries = [];
  for (let index = 0; index < 3; index += 1) tries.push(await outcomeOf(infer(mock, fields)));
  const another = await outcomeOf(infer(mock, fields, { jobId: 'job-2' }));

  expect(tries).toEqual(['overloaded', 'overloaded', 'ok']);
  expect(another).toBe('overloaded');
});

test('a slow case takes its time before the answer and before each token', async () => {
  await using mock = new MockExecutor();
  const startedAt = performance.now();

  await infer(mock, { mock: { case: 'slow', ms: 5, tokenMs: 2, reply: 'one two three' }, stream: true });

  expect(performance.now() - startedAt).toBeGreaterThanOrEqual(10);
});

test('a case after more chunks than there are still happens', async () => {
  await using mock = new MockExecutor();
  const fields = { mock: { case: 'fail', class: 'stream_interrupted', afterChunks: 99 }, stream: true };

  await expect(outcomeOf(infer(mock, fields))).resolves.toBe('stream_interrupted');
});

test('a crash is refused where it is not allowed', async () => {
  await using mock = new MockExecutor();

  const refused = failureOf(infer(mock, { mock: { case: 'crash' } }));

  await expect(refused).resolves.toMatchObject({
    class: 'unsupported',
    message: expect.stringContaining('allowCrash'),
  });
});

test('a script that makes no sense is a bad request which names the field', async () => {
  await using mock = new MockExecutor();

  const refused = failureOf(infer(mock, { mock: { case: 'fail', class: 'rate_limit' } }));

  await expect(refused).resolves.toMatchObject({ class: 'bad_request', param: 'mock.class' });
});

test('the reply repeats the last message, or says what the script says', async () => {
  await using mock = new MockExecutor();
  const parts = [{ type: 'text', text: 'Two ' }, { type: 'image_url' }, { type: 'text', text: 'parts' }];

  const usual = await infer(mock, { messages: [{ role: 'user', content: parts }] });
  const scripted = await infer(mock, { mock: { case: 'ok', reply: 'Exactly this.' } });

  expect(usual.result).toMatchObject({ choices: [{ message: { content: 'Mock reply to: Two parts' } }] });
  expect(scripted.result).toMatchObject({ choices: [{ message: { content: 'Exactly this.' } }] });
});

test('embeddings depend on nothing but the input, in both encodings', async () => {
  await using mock = new MockExecutor();
  const ask = (fields: object) => infer(mock, { input: 'same', ...fields }, { endpoint: '/v1/embeddings' });

  const float = await ask({ dimensions: 4 });
  const base64 = await ask({ dimensions: 4, encoding_format: 'base64' });
  const tokens = await ask({ input: [1, 2, 3] });

  const [{ embedding }] = dataOf(float.result);
  const bytes = Buffer.from(String(dataOf(base64.result)[0].embedding), 'base64');
  const decoded = Array.from({ length: 4 }, (_, index) => bytes.readFloatLE(index * 4));
  expect(embedding).toEqual(decoded);
  expect(Math.hypot(...decoded)).toBeCloseTo(1);
  expect(dataOf(tokens.result)).toHaveLength(1);
});

test('too many dimensions are refused', async () => {
  await using mock = new MockExecutor();

  const refused = failureOf(infer(mock, { input: 'x', dimensions: 100_000 }, { endpoint: '/v1/embeddings' }));

  await expect(refused).resolves.toMatchObject({ class: 'bad_request', param: 'dimensions' });
});

test('a trained model is listed and answers', async () => {
  await using mock = new MockExecutor();
  const request = { model: 'mock', dataset: 'd', suffix: 'mine', hyperparameters: { mock_steps: 2, mock_step_ms: 0 } };
  const runId = await mock.fineTune({ jobId: 'job-1', request }, never());
  for await (const { status } of mock.watchJob(runId, { from: 1, signal: never() }))
    expect(status.state).not.toBe('failed');

  const model = (await mock.getJobStatus(runId, never()))?.fineTunedModel ?? '';

  expect(model).toMatch(/^ft:mock:llm-engine:mine:/);
  await expect(mock.models(never())).resolves.toContainEqual(expect.objectContaining({ id: model, trainable: true }));
  await expect(infer(mock, { model })).resolves.toMatchObject({ result: { model } });
});

test('the loss falls, and checkpoints are told', async () => {
  await using mock = new MockExecutor({
    models: [{ id: 'mock', training: { steps: 6, stepMs: 0, checkpointEvery: 3 } }],
  });
  const runId = await mock.fineTune({ jobId: 'job-1', request: { model: 'mock', dataset: 'd' } }, never());

  const losses: number[] = [];
  const messages: string[] = [];
  for await (const { metrics, message } of mock.watchJob(runId, { from: 1, signal: never() })) {
    if (metrics !== undefined) losses.push(metrics['train_loss'] ?? 0);
    messages.push(message);
  }

  expect(losses).toHaveLength(6);
  expect(losses.at(-1)).toBeLessThan(losses[0] ?? 0);
  expect(messages.filter((message) => message.startsWith('Checkpoint'))).toHaveLength(2);
});

test('a model that is not trainable refuses a fine-tune', async () => {
  await using mock = new MockExecutor({ models: [{ id: 'mock', trainable: false }] });

  const refused = failureOf(mock.fineTune({ jobId: 'j', request: { model: 'mock', dataset: 'd' } }, never()));

  await expect(refused).resolves.toMatchObject({ class: 'unsupported', param: 'model' });
});

test('closing it stops its runs and their readers', async () => {
  const mock = new MockExecutor();
  const runId = await mock.fineTune({ jobId: 'j', request: { model: 'mock', dataset: 'd' } }, never());
  const reading = failureOf(collect(mock.watchJob(runId, { from: 1, signal: never() })));

  await mock[Symbol.asyncDispose]();

  await expect(reading).resolves.toMatchObject({ class: 'connection' });
});

test('its health is what it is told to be', async () => {
  await using mock = new MockExecutor({
    health: () => ({ status: 'fail', detail: 'The mock is ill.' }),
    concurrency: 3,
  });

  const health = await mock.healthCheck(never());

  expect(health).toEqual({ executor: 'mock', status: 'fail', detail: 'The mock is ill.', slots: 3, slotsInUse: 0 });
});

interface Ask {
  readonly jobId?: string;
  readonly endpoint?: InferenceEndpoint;
}

function infer(mock: MockExecutor, fields: object, { jobId = 'job-1', endpoint = '/v1/chat/completions' }: Ask = {}) {
  const body = { model: 'mock', messages: [{ role: 'user', content: 'Hello' }], ...fields };
  return mock.infer({ jobId, endpoint, body, priority: 'standard' }, { signal: never() });
}

async function outcomes(seed: number, count: number): Promise<readonly string[]> {
  const failureRates = { rate_limited: 0.3, server_error: 0.3 };
  await using mock = new MockExecutor({ models: [{ id: 'mock', failureRates }], seed });
  const ends: string[] = [];
  for (let index = 0; index < count; index += 1) ends.push(await outcomeOf(infer(mock, {})));
  return ends;
}

async function outcomeOf(promise: Promise<unknown>): Promise<string> {
  try {
    await promise;
    return 'ok';
  } catch (error) {
    return error instanceof FailureError ? error.failure.class : String(error);
  }
}

function dataOf(body: unknown): [{ readonly embedding: unknown }] {
  return (body as { readonly data: [{ readonly embedding: unknown }] }).data;
}
