import { OpenAIExecutor } from '@llm-engine/executors';
import { describe, expect, test } from 'vitest';
import { startModelServer } from '../support/model-server.ts';
import type { Behaviour } from '../support/model-server.ts';
import { failureOf, infer, limit, model, never, startOpenAI } from '../support/openai-executor.ts';

describe('several endpoints', () => {
  test('a request moves on from one that is down to one that answers', async () => {
    await using first = await startModelServer();
    await using second = await startModelServer();
    await first.stop();
    await using executor = new OpenAIExecutor({ models: [model(first, second)] });

    await infer(executor);

    expect(second.requests).toHaveLength(1);
  });

  test('a request moves on from one that answers 503, and a stream too', async () => {
    await using first = await startModelServer({ behaviour: { kind: 'status', status: 503 } });
    await using second = await startModelServer();
    await using executor = new OpenAIExecutor({ models: [model(first, second)] });

    const answer = await infer(executor, { stream: true });

    expect(answer.finishReason).toBe('stop');
    expect([first.requests.length, second.requests.length]).toEqual([1, 1]);
  });

  test('a request does not move on once an answer has begun', async () => {
    await using first = await startModelServer({ behaviour: { kind: 'reset', afterChunks: 1 } });
    await using second = await startModelServer();
    await using executor = new OpenAIExecutor({ models: [model(first, second)] });

    await expect(failureOf(infer(executor, { stream: true }))).resolves.toMatchObject({ class: 'stream_interrupted' });

    expect(second.requests).toHaveLength(0);
  });

  test('when all fail, the last failure is told', async () => {
    await using first = await startModelServer({ behaviour: { kind: 'reset' } });
    await using second = await startModelServer({ behaviour: { kind: 'status', status: 503 } });
    await using executor = new OpenAIExecutor({ models: [model(first, second)] });

    await expect(failureOf(infer(executor))).resolves.toMatchObject({ class: 'overloaded' });
  });

  test('one that fails again and again is left alone, then asked once whether it is back', async () => {
    await using first = await startModelServer({ behaviour: { kind: 'status', status: 503 } });
    await using second = await startModelServer();
    let now = 1_000_000;
    await using executor = new OpenAIExecutor({
      models: [model(first, second)],
      circuit: { failuresToRest: 2, restMs: 1000, now: () => now },
    });
    for (let index = 0; index < 5; index += 1) await infer(executor);
    const whileResting = first.requests.length;

    now += 1001;
    first.setDefault(undefined);
    await infer(executor);
    await infer(executor);

    expect(whileResting).toBe(2);
    expect(first.requests.length).toBe(4);
  });

  test('requests go to the one with the fewest in flight, and wait in line when all are full', async () => {
    await using first = await startModelServer();
    await using second = await startModelServer();
    const release = Promise.withResolvers<void>();
    first.setDefault({ kind: 'ok', until: release.promise });
    second.setDefault({ kind: 'ok', until: release.promise });
    await using executor = new OpenAIExecutor({ models: [model(first, second)].map(limit(2)) });

    const answers = Array.from({ length: 6 }, () => infer(executor));
    await Promise.all([first.request(1), second.request(1)]);

    await expect(executor.healthCheck(never())).resolves.toMatchObject({ slots: 4, slotsInUse: 4 });
    expect(first.requests.length + second.requests.length).toBe(4);
    release.resolve();
    await Promise.all(answers);
    expect(first.requests.length + second.requests.length).toBe(6);
  });

  test('a request that waits in line can be aborted', async () => {
    await using server = await startModelServer({ behaviour: { kind: 'hang' } });
    await using executor = new OpenAIExecutor({ models: [model(server)].map(limit(1)) });
    const first = new AbortController();
    const hanging = failureOf(infer(executor, {}, { signal: first.signal }));
    await server.request(0);

    const waiting = infer(executor, {}, { signal: AbortSignal.timeout(5) });

    await expect(waiting).rejects.toMatchObject({ name: 'TimeoutError' });
    first.abort();
    await hanging;
    expect(server.requests).toHaveLength(1);
  });

  test('models that name the same server share its slots', async () => {
    await using server = await startModelServer({ behaviour: { kind: 'hang' } });
    await using executor = new OpenAIExecutor({
      models: [limit(1)(model(server)), { ...limit(3)(model(server)), id: 'adapter' }],
    });

    await expect(executor.healthCheck(never())).resolves.toMatchObject({ slots: 1 });
  });
});

describe('discovery', () => {
  test('the models of a server answer by their own names', async () => {
    await using server = await startModelServer({ models: ['llama', 'qwen'] });
    await using executor = new OpenAIExecutor({ servers: [{ url: server.url, pool: 'large' }] });

    const models = await executor.models(never());

    expect(models.map(({ id, pool, ownedBy }) => [id, pool, ownedBy])).toEqual([
      ['llama', 'large', 'model-server'],
      ['qwen', 'large', 'model-server'],
    ]);
    await expect(infer(executor, { model: 'qwen' })).resolves.toMatchObject({ result: { model: 'qwen' } });
  });

  test.for<{ what: string; list: Behaviour }>([
    { what: 'a 500', list: { kind: 'status', status: 500 } },
    { what: 'rubbish', list: { kind: 'malformed' } },
    { what: 'a web page', list: { kind: 'raw', parts: ['<html></html>'], headers: { 'content-type': 'text/html' } } },
    { what: 'a reset', list: { kind: 'reset' } },
    { what: 'a 404', list: { kind: 'status', status: 404 } },
  ])('a server that answers $what has no models until it lists them', async ({ list }) => {
    await using server = await startModelServer();
    await using executor = new OpenAIExecutor({ servers: [{ url: server.url }] });
    server.setModels(list);

    const before = await executor.models(never());
    server.setModels(['late']);
    const after = await executor.models(never());

    expect(before).toEqual([]);
    expect(after.map(({ id }) => id)).toEqual(['late']);
  });

  test('a server that does not answer does not hold up the others', async () => {
    await using server = await startModelServer({ models: ['here'] });
    await using hanging = await startModelServer();
    hanging.setModels({ kind: 'hang' });
    await using executor = new OpenAIExecutor({
      servers: [{ url: hanging.url }, { url: server.url }],
      probeTimeoutMs: 30,
    });

    const models = await executor.models(never());

    expect(models.map(({ id }) => id)).toEqual(['here']);
  });

  test('a server that is down keeps the models that it listed, so that their jobs are tried again', async () => {
    await using server = await startModelServer({ models: ['llama'] });
    await using executor = new OpenAIExecutor({ servers: [{ url: server.url }] });
    await executor.models(never());
    await server.stop();

    const models = await executor.models(never());

    expect(models.map(({ id }) => id)).toEqual(['llama']);
    await expect(failureOf(infer(executor, { model: 'llama' }))).resolves.toMatchObject({ class: 'connection' });
  });

  test('a model that two servers list is served by both', async () => {
    await using first = await startModelServer({ models: ['llama'] });
    await using second = await startModelServer({ models: ['llama'] });
    await using executor = new OpenAIExecutor({ servers: [{ url: first.url }, { url: second.url }] });
    await executor.models(never());
    await first.stop();

    await infer(executor, { model: 'llama' });

    expect(second.requests).toHaveLength(1);
  });

  test('a configured model comes before one that a server lists by the same name', async () => {
    await using configured = await startModelServer();
    await using listing = await startModelServer({ models: ['m'] });
    await using executor = new OpenAIExecutor({ models: [model(configured)], servers: [{ url: listing.url }] });
    await executor.models(never());

    await infer(executor);

    expect(listing.requests).toHaveLength(0);
  });
});

describe('health', () => {
  test('it fails when no endpoint answers, and names them', async () => {
    await using setup = await startOpenAI();
    await setup.server.stop();

    const health = await setup.executor.healthCheck(never());

    expect(health).toMatchObject({ status: 'fail', detail: expect.stringContaining(setup.server.url) });
  });

  test('it warns when some endpoints do not answer', async () => {
    await using first = await startModelServer();
    await using second = await startModelServer({ apiKey: 'another' });
    await using executor = new OpenAIExecutor({ models: [model(first, second)] });

    const health = await executor.healthCheck(never());

    expect(health).toMatchObject({ status: 'warn', detail: expect.stringContaining(`the models of ${second.url}`) });
  });

  test('a recent answer is used again', async () => {
    await using setup = await startOpenAI();

    await setup.executor.healthCheck(never());
    await setup.executor.healthCheck(never());

    expect(setup.server.modelListRequests).toBe(1);
  });

  test('an old answer is not', async () => {
    await using setup = await startOpenAI({}, { healthTtlMs: 0 });

    await setup.executor.healthCheck(never());
    await setup.executor.healthCheck(never());

    expect(setup.server.modelListRequests).toBe(2);
  });
});
