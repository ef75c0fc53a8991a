import { OpenAIExecutor } from '@llm-engine/executors';
import { describe, expect, test } from 'vitest';
import { describeServingExecutor } from '@llm-engine/executors/conformance';
import { startModelServer } from '../support/model-server.ts';
import { failureOf, infer, model, startOpenAI } from '../support/openai-executor.ts';

describeServingExecutor('the openai executor', async () => {
  const server = await startModelServer();
  const executor = new OpenAIExecutor({ models: [model(server)] });
  return {
    executor,
    model: 'm',
    cases: {
      hang: { behaviour: { kind: 'hang' } },
      hangAfterOneChunk: { behaviour: { kind: 'hang', afterChunks: 1 } },
      rateLimited: { behaviour: { kind: 'status', status: 429, headers: { 'retry-after': '2' } } },
      badRequest: { behaviour: { kind: 'status', status: 400 } },
      interruptedAfterOneChunk: { behaviour: { kind: 'reset', afterChunks: 1 } },
    },
    arrived: () => server.request(0),
    [Symbol.asyncDispose]: async () => {
      await executor[Symbol.asyncDispose]();
      await server[Symbol.asyncDispose]();
    },
  };
});

describe('a stream', () => {
  test('without [DONE] is complete once its finish reason has come', async () => {
    await using setup = await startOpenAI();
    setup.server.next({ kind: 'no-done' });

    const answer = await infer(setup.executor, { stream: true });

    expect(answer).toMatchObject({ finishReason: 'stop', result: { object: 'chat.completion' } });
  });

  test('whose connection breaks after its finish reason is complete', async () => {
    await using setup = await startOpenAI();
    const end = { id: 'a', object: 'chat.completion.chunk', choices: [{ index: 0, delta: {}, finish_reason: 'stop' }] };
    setup.server.next({ kind: 'raw', parts: [`data: ${JSON.stringify(end)}\n\n`], ending: 'reset' });

    const answer = await infer(setup.executor, { stream: true });

    expect(answer.finishReason).toBe('stop');
  });

  test('that stays open after [DONE] keeps nobody waiting', async () => {
    await using setup = await startOpenAI();
    const end = { id: 'a', object: 'chat.completion.chunk', choices: [{ index: 0, delta: {}, finish_reason: 'stop' }] };
    setup.server.next({ kind: 'raw', parts: [`data: ${JSON.stringify(end)}\n\ndata: [DONE]\n\n`], ending: 'hang' });

    const answer = await infer(setup.executor, { stream: true });

    expect(answer.finishReason).toBe('stop');
    const request = await setup.server.request(0);
    await expect(request.closed).resolves.toMatchObject({ by: 'client' });
  });

  test('is read whatever its bytes are cut into, with CRLF, comments and events of several lines', async () => {
    await using setup = await startOpenAI();
    const bytes = Buffer.from(
      [
        ': ping\r\n\r\n',
        'data: {"id":"a","object":"chat.completion.chunk","model":"m",\r\n',
        'data: "choices":[{"index":0,"delta":{"role":"assistant","content":"Grüße 👋"},"finish_reason":null}]}\r\n\r\n',
        'id: 7\r\nevent: message\r\ndata:{"id":"a","model":"m","choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}',
      ].join(''),
    );
    const parts = Array.from(bytes, (_, index) => bytes.subarray(index, index + 1));
    setup.server.next({ kind: 'raw', parts });

    const answer = await infer(setup.executor, { stream: true });

    expect(answer.result).toMatchObject({ choices: [{ message: { content: 'Grüße 👋' }, finish_reason: 'stop' }] });
  });

  test('hands on an event of several lines as a chunk of one', async () => {
    await using setup = await startOpenAI();
    const chunks: string[] = [];
    setup.server.next({
      kind: 'raw',
      parts: [
        'data: {"id":"a","model":"m",\ndata: "choices":[{"index":0,\ndata: "delta":{"content":"x\\ny"},"finish_reason":"stop"}]}\n\n',
        'data: [DONE]\n\n',
      ],
    });

    await infer(setup.executor, { stream: true }, { onChunk: (chunk) => chunks.push(chunk) });

    expect(chunks).toEqual([
      '{"id":"a","model":"m","choices":[{"index":0,"delta":{"content":"x\\ny"},"finish_reason":"stop"}]}',
    ]);
  });

  test('asks for usage by itself, unless that is turned off', async () => {
    await using asking = await startOpenAI();
    await using silent = await startOpenAI({ includeUsage: false });

    const asked = await infer(asking.executor, { stream: true });
    const unasked = await infer(silent.executor, { stream: true });

    expect(asked.usage).toEqual({ promptTokens: 3, completionTokens: 5, totalTokens: 8 });
    expect((await asking.server.request(0)).body['stream_options']).toEqual({ include_usage: true });
    expect(unasked.usage).toBeUndefined();
    expect((await silent.server.request(0)).body).not.toHaveProperty('stream_options');
  });

  test('is cut at once by an abort, and the server sees the connection close', async () => {
    await using setup = await startOpenAI();
    const stop = new AbortController();
    setup.server.next({ kind: 'hang', afterChunks: 1 });

    const answer = infer(setup.executor, { stream: true }, { signal: stop.signal, onChunk: () => stop.abort() });

    await expect(answer).rejects.toMatchObject({ name: 'AbortError' });
    const request = await setup.server.request(0);
    await expect(request.closed).resolves.toMatchObject({ by: 'client' });
  });
});

describe('a model', () => {
  test('is asked for by its name upstream, and answers by its own', async () => {
    await using setup = await startOpenAI({ upstreamModel: 'org/Model-8B' });
    const chunks: unknown[] = [];

    const plain = await infer(setup.executor);
    const streamed = await infer(
      setup.executor,
      { stream: true },
      { onChunk: (chunk) => chunks.push(JSON.parse(chunk)) },
    );

    expect((await setup.server.request(0)).body['model']).toBe('org/Model-8B');
    expect(plain.result).toMatchObject({ model: 'm' });
    expect(streamed.result).toMatchObject({ model: 'm' });
    for (const chunk of chunks) expect(chunk).toMatchObject({ model: 'm' });
  });

  test('gets fields that nobody here knows', async () => {
    await using setup = await startOpenAI();

    await infer(setup.executor, { temperature: 0.1, chat_template_kwargs: { thinking: true } });

    expect((await setup.server.request(0)).body).toMatchObject({
      temperature: 0.1,
      chat_template_kwargs: { thinking: true },
    });
  });

  test('is asked with the key and the headers that are configured', async () => {
    await using server = await startModelServer({ apiKey: 'secret' });
    const endpoint = { url: server.url, apiKey: 'secret', headers: { 'x-team': 'research' } };
    await using executor = new OpenAIExecutor({ models: [{ id: 'm', endpoints: [endpoint] }] });

    await infer(executor);

    expect((await server.request(0)).headers).toMatchObject({ authorization: 'Bearer secret', 'x-team': 'research' });
  });

  test('that does not answer an endpoint refuses it', async () => {
    await using setup = await startOpenAI({ apis: ['/v1/embeddings'] });

    await expect(failureOf(infer(setup.executor))).resolves.toMatchObject({ class: 'unsupported' });
  });
});

test('connections are kept alive between requests', async () => {
  await using setup = await startOpenAI();

  for (let index = 0; index < 10; index += 1) await infer(setup.executor);

  // One may be opened while the other is being put back.
  expect(setup.server.connections).toBeLessThanOrEqual(2);
});
