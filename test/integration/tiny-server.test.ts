import { once } from 'node:events';
import { connect } from 'node:net';
import OpenAI, { BadRequestError, NotFoundError } from 'openai';
import { expect, test } from 'vitest';
import { startTinyServer } from '@llm-engine/trainer-tiny';

const model = 'tiny-chat';

async function startWithClient() {
  const server = await startTinyServer();
  const client = new OpenAI({ baseURL: `${server.url}/v1`, apiKey: 'unused', maxRetries: 0 });
  return { server, client, [Symbol.asyncDispose]: () => server.close() };
}

function asked(content: string): OpenAI.ChatCompletionMessageParam[] {
  return [{ role: 'user', content }];
}

test('a chat is answered in words that fit the question', async () => {
  await using tiny = await startWithClient();

  const answer = await tiny.client.chat.completions.create({
    model,
    messages: asked('What is a queue?'),
    temperature: 0,
  });

  expect(answer.choices[0]).toMatchObject({ index: 0, finish_reason: 'stop', message: { role: 'assistant' } });
  expect(answer.choices[0]?.message.content).toMatch(/queue|jobs/);
  expect(answer.usage?.total_tokens).toBe((answer.usage?.prompt_tokens ?? 0) + (answer.usage?.completion_tokens ?? 0));
});

test('a streamed answer is the same text, and ends with the usage when asked', async () => {
  await using tiny = await startWithClient();
  const request = { model, messages: asked('Hello, who are you?'), seed: 3, temperature: 0.5 };

  const whole = await tiny.client.chat.completions.create(request);
  const chunks: OpenAI.ChatCompletionChunk[] = [];
  const stream = await tiny.client.chat.completions.create({
    ...request,
    stream: true,
    stream_options: { include_usage: true },
  });
  for await (const chunk of stream) chunks.push(chunk);

  const text = chunks.map((chunk) => chunk.choices[0]?.delta.content ?? '').join('');
  expect(text).toBe(whole.choices[0]?.message.content);
  expect(chunks[0]?.choices[0]?.delta.role).toBe('assistant');
  expect(chunks.at(-2)?.choices[0]?.finish_reason).toBe('stop');
  expect(chunks.at(-1)).toMatchObject({ choices: [], usage: whole.usage });
});

test('n answers differ, and the same seed gives the same ones', async () => {
  await using tiny = await startWithClient();
  const request = { model, messages: asked('Tell me a story.'), n: 4, seed: 11, temperature: 1.5, max_tokens: 30 };

  const first = await tiny.client.chat.completions.create(request);
  const second = await tiny.client.chat.completions.create(request);

  const texts = first.choices.map((choice) => choice.message.content);
  expect(new Set(texts).size).toBeGreaterThan(1);
  expect(second.choices.map((choice) => choice.message.content)).toEqual(texts);
});

test('max_tokens and stop end an answer', async () => {
  await using tiny = await startWithClient();
  const request = { model, messages: asked('What is a worker?'), temperature: 0 };

  const whole = await tiny.client.chat.completions.create(request);
  const short = await tiny.client.chat.completions.create({ ...request, max_completion_tokens: 3 });
  const text = whole.choices[0]?.message.content ?? '';
  const stop = text.slice(8, 13);
  const stopped = await tiny.client.chat.completions.create({ ...request, stop });

  expect(short.choices[0]?.finish_reason).toBe('length');
  expect(short.usage?.completion_tokens).toBe(3);
  expect(stopped.choices[0]?.finish_reason).toBe('stop');
  expect(stopped.choices[0]?.message.content).toBe(text.slice(0, text.indexOf(stop)));
});

test('completions go on from a text, for several prompts at once', async () => {
  await using tiny = await startWithClient();

  const answer = await tiny.client.completions.create({
    model,
    prompt: ['A queue is', 'A worker is'],
    temperature: 0,
    max_tokens: 8,
  });
  let streamed = '';
  const stream = await tiny.client.completions.create({
    model,
    prompt: 'A queue is',
    temperature: 0,
    max_tokens: 8,
    stream: true,
  });
  for await (const chunk of stream) streamed += chunk.choices[0]?.text ?? '';

  expect(answer.choices.map((choice) => choice.index)).toEqual([0, 1]);
  expect(answer.choices[0]?.text).toBe(streamed);
});

test('embeddings are the same in both encodings, and like texts are closer than unlike ones', async () => {
  await using tiny = await startWithClient();
  const input = ['What is a queue?', 'Please explain a queue.', 'A cow eats grass.'];

  const base64 = await tiny.client.embeddings.create({ model, input });
  const float = await tiny.client.embeddings.create({ model, input, encoding_format: 'float' });

  const [first = [], second = [], third = []] = base64.data.map((item) => item.embedding);
  const cosine = (a: number[], b: number[]) => a.reduce((sum, value, i) => sum + value * (b[i] ?? 0), 0);
  expect(first).toEqual(float.data[0]?.embedding);
  expect(cosine(first, first)).toBeCloseTo(1, 4);
  expect(cosine(first, second)).toBeGreaterThan(cosine(first, third));
});

test('the model is listed, and retrieved by name', async () => {
  await using tiny = await startWithClient();

  const listed = await tiny.client.models.list();

  expect(listed.data).toEqual([await tiny.client.models.retrieve(model)]);
  expect(listed.data[0]).toMatchObject({ id: model, object: 'model', owned_by: 'llm-engine' });
});

test('errors have the types and codes of the OpenAI API', async () => {
  await using tiny = await startWithClient();
  const failure = async (change: object): Promise<unknown> => {
    const request = { model, messages: asked('Hello'), ...change };
    return tiny.client.chat.completions.create(request).then(undefined, (error: unknown) => error);
  };

  const unknownModel = await failure({ model: 'gpt-0' });
  const tooLong = await failure({ messages: asked('long '.repeat(3000)) });
  const wrongTemperature = await failure({ temperature: 9 });
  const tooLarge = await failure({ messages: asked('x'.repeat(2_000_000)) });

  expect(unknownModel).toBeInstanceOf(NotFoundError);
  expect(unknownModel).toMatchObject({ code: 'model_not_found', param: 'model' });
  expect(tooLong).toBeInstanceOf(BadRequestError);
  expect(tooLong).toMatchObject({ code: 'context_length_exceeded' });
  expect(wrongTemperature).toMatchObject({ status: 400, param: 'temperature', type: 'invalid_request_error' });
  expect(tooLarge).toMatchObject({ status: 413, code: 'request_too_large' });
});

test('a client that hangs up stops its generation', async () => {
  await using tiny = await startWithClient();
  const body = JSON.stringify({ model, prompt: 'A', n: 16, max_tokens: 1000, temperature: 2, stream: true });
  const openMany = Array.from({ length: 8 }, async () => {
    const socket = connect(tiny.server.port, '127.0.0.1');
    socket.write(
      `POST /v1/completions HTTP/1.1\r\nhost: tiny\r\ncontent-type: application/json\r\ncontent-length: ${body.length}\r\n\r\n${body}`,
    );
    await once(socket, 'data');
    socket.destroy();
    await once(socket, 'close');
  });
  await Promise.all(openMany);

  // 128 answers of a thousand tokens would hold every place for minutes.
  const started = performance.now();
  await tiny.client.chat.completions.create({ model, messages: asked('Hi'), max_tokens: 5 });

  expect(performance.now() - started).toBeLessThan(5_000);
});

test('the HTTP thread answers while the model is busy', async () => {
  await using tiny = await startWithClient();

  const started = performance.now();
  const busy = tiny.client.completions.create({ model, prompt: 'A job', n: 4, max_tokens: 150, temperature: 2 });
  const health = await fetch(`${tiny.server.url}/health`);
  const healthTime = performance.now() - started;
  const { usage } = await busy;
  const speed = (usage?.completion_tokens ?? 0) / ((performance.now() - started) / 1000);

  process.stdout.write(`tiny-chat: ${Math.round(speed)} tokens/s, health after ${Math.round(healthTime)} ms\n`);
  expect(health.status).toBe(200);
  expect(speed).toBeGreaterThan(50);
});

test('closing the server breaks open answers and frees the port', async () => {
  const { server, client } = await startWithClient();
  const open = client.completions.create({ model, prompt: 'A', n: 16, max_tokens: 1000, temperature: 2 });
  const outcome = open.then(
    () => 'answered',
    () => 'broken',
  );
  await fetch(`${server.url}/health`);

  await server.close();

  expect(await outcome).toBe('broken');
  await expect(fetch(`${server.url}/health`)).rejects.toThrow('fetch failed');
});
