import { FailureError } from '@llm-engine/contracts';
import { OpenAIExecutor } from '@llm-engine/executors';
import { expect, test } from 'vitest';
import { infer, startOpenAI } from '../support/openai-executor.ts';
import type { Behaviour } from '../support/model-server.ts';

test('a failure carries the status and the body that the model server answered', async () => {
  await using setup = await startOpenAI();
  setup.server.next({ kind: 'status', status: 422, error: { message: 'No.', hint: 'shorter' } });

  const error = await errorOf(infer(setup.executor));

  expect(error).toMatchObject({
    sent: true,
    upstream: { status: 422, body: { error: { message: 'No.', hint: 'shorter' } } },
  });
});

test.for<{ what: string; behaviour: Behaviour }>([
  { what: 'the connection breaks', behaviour: { kind: 'reset' } },
  { what: 'the answer is cut off', behaviour: { kind: 'reset', afterChunks: 1 } },
  { what: 'the answer takes too long', behaviour: { kind: 'hang' } },
])('where $what there is no answer to carry, and the request counts as sent', async ({ behaviour }) => {
  await using setup = await startOpenAI({ timeoutMs: 50 });
  setup.server.next(behaviour);

  const error = await errorOf(infer(setup.executor));

  expect(error).toMatchObject({ sent: true, upstream: undefined });
});

test('a request to a server that is down was not sent', async () => {
  await using setup = await startOpenAI();
  await setup.server.stop();

  const error = await errorOf(infer(setup.executor));

  expect(error).toMatchObject({ sent: false, failure: { class: 'connection' } });
});

test('a request to a host that has no address was not sent', async () => {
  await using executor = new OpenAIExecutor({
    models: [{ id: 'm', endpoints: [{ url: 'http://nobody.invalid/v1' }] }],
  });

  const error = await errorOf(infer(executor));

  expect(error).toMatchObject({ sent: false, failure: { class: 'connection' } });
});

async function errorOf(promise: Promise<unknown>): Promise<FailureError> {
  const error: unknown = await promise.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (error instanceof FailureError) return error;
  throw new Error('It did not fail as an attempt fails.', { cause: error });
}
