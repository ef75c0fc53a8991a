import { failure } from '@llm-engine/contracts';
import type { FailureClass } from '@llm-engine/contracts';
import { Access } from '@llm-engine/http';
import {
  AuthenticationError,
  BadRequestError,
  ConflictError,
  InternalServerError,
  NotFoundError,
  RateLimitError,
} from 'openai';
import { expect, test } from 'vitest';
import { modelInfo } from '../support/engine.ts';
import { CHAT, TestProducer, chatChunk, chatCompletion, collect, refusalOf } from '../support/producer.ts';

test('a chat completion comes back as the model server answered it', async () => {
  await using producer = await TestProducer.start({ runJob: () => Promise.resolve(chatCompletion('Hi!')) });

  const { data, request_id } = await producer.openai.chat.completions.create(CHAT).withResponse();

  expect(data.choices[0]?.message.content).toBe('Hi!');
  expect(data.usage).toEqual({ prompt_tokens: 3, completion_tokens: 2, total_tokens: 5 });
  expect(request_id).toMatch(/^req_/);
});

test('request fields that the engine does not know reach the model server', async () => {
  const { promise: payload, resolve } = Promise.withResolvers<unknown>();
  await using producer = await TestProducer.start({
    runJob: (lease) => {
      resolve(lease.payload.kind === 'inference' ? lease.payload.body : undefined);
      return Promise.resolve(chatCompletion('Hi!'));
    },
  });
  const tools = [{ type: 'function' as const, function: { name: 'f', parameters: { type: 'object' } } }];

  await producer.openai.chat.completions.create({ ...CHAT, temperature: 0.3, tools, seed: 7, user: 'u' });

  await expect(payload).resolves.toEqual({ ...CHAT, temperature: 0.3, tools, seed: 7, user: 'u' });
});

test('a streamed chat completion arrives chunk by chunk, usage included when it is asked for', async () => {
  const usage = { prompt_tokens: 3, completion_tokens: 2, total_tokens: 5 };
  await using producer = await TestProducer.start({
    runJob: (lease) => {
      for (const text of ['Hel', 'lo', ', "world"\n']) lease.publish(chatChunk(text));
      lease.publish(JSON.stringify({ ...JSON.parse(chatChunk('')), choices: [], usage }));
      return Promise.resolve(chatCompletion('Hello, "world"\n'));
    },
  });

  const stream = await producer.openai.chat.completions.create({
    ...CHAT,
    stream: true,
    stream_options: { include_usage: true },
  });
  const chunks = await collect(stream);

  expect(chunks.map(({ choices }) => choices[0]?.delta.content ?? '').join('')).toBe('Hello, "world"\n');
  expect(chunks.at(-1)).toMatchObject({ choices: [], usage });
});

test('the first chunk arrives while the model is still at work', async () => {
  const release = Promise.withResolvers<void>();
  await using producer = await TestProducer.start({
    runJob: async (lease) => {
      lease.publish(chatChunk('first'));
      await release.promise;
      lease.publish(chatChunk('second'));
      return chatCompletion('firstsecond');
    },
  });

  const stream = await producer.openai.chat.completions.create({ ...CHAT, stream: true });
  const chunks = stream[Symbol.asyncIterator]();
  const first = await chunks.next();
  release.resolve();
  const second = await chunks.next();

  expect(first.value?.choices[0]?.delta.content).toBe('first');
  expect(second.value?.choices[0]?.delta.content).toBe('second');
});

test('completions work, whole and streamed', async () => {
  const part = (text: string) => ({
    id: 'cmpl-1',
    object: 'text_completion',
    created: 1_700_000_000,
    model: 'm',
    choices: [{ text, index: 0, logprobs: null, finish_reason: 'stop' }],
  });
  await using producer = await TestProducer.start({
    runJob: (lease) => {
      const { payload } = lease;
      if (payload.kind === 'inference' && payload.body.stream === true) {
        for (const text of ['on', 'ce']) lease.publish(JSON.stringify(part(text)));
      }
      return Promise.resolve({ kind: 'completed', result: part('once') });
    },
  });

  const whole = await producer.openai.completions.create({ model: 'm', prompt: 'Tell' });
  const stream = await producer.openai.completions.create({ model: 'm', prompt: 'Tell', stream: true });
  const chunks = await collect(stream);

  expect(whole.choices[0]?.text).toBe('once');
  expect(chunks.map(({ choices }) => choices[0]?.text).join('')).toBe('once');
});

test('embeddings work with the base64 that the client asks for by default, and with floats', async () => {
  const vector = [0.25, -1.5, 3];
  await using producer = await TestProducer.start({
    runJob: ({ payload }) => {
      const base64 = payload.kind === 'inference' && payload.body['encoding_format'] === 'base64';
      const embedding = base64 ? Buffer.from(new Float32Array(vector).buffer).toString('base64') : vector;
      const data = [{ object: 'embedding', index: 0, embedding }];
      const usage = { prompt_tokens: 1, total_tokens: 1 };
      return Promise.resolve({ kind: 'completed', result: { object: 'list', model: 'm', data, usage } });
    },
  });

  const encoded = await producer.openai.embeddings.create({ model: 'm', input: 'text' });
  const floats = await producer.openai.embeddings.create({ model: 'm', input: 'text', encoding_format: 'float' });

  expect(encoded.data[0]?.embedding).toEqual(vector);
  expect(floats.data[0]?.embedding).toEqual(vector);
});

test('models are listed and found, names with a slash or a colon too', async () => {
  await using producer = await TestProducer.start({
    models: [modelInfo('ft:base:org:x:1'), modelInfo('org/model', { ownedBy: 'org' })],
  });

  const models = await collect(producer.openai.models.list());
  const one = await producer.openai.models.retrieve('org/model');

  expect(models.map(({ id }) => id)).toEqual(['ft:base:org:x:1', 'org/model']);
  expect(one).toEqual({ id: 'org/model', object: 'model', created: 1_700_000_000, owned_by: 'org' });
  await expect(producer.openai.models.retrieve('ft:base:org:x:1')).resolves.toHaveProperty('id', 'ft:base:org:x:1');
});

test('an unknown model is a NotFoundError that names those that there are', async () => {
  await using producer = await TestProducer.start();

  const asked = await refusalOf(producer.openai.chat.completions.create({ ...CHAT, model: 'gpt-none' }));
  const looked = await refusalOf(producer.openai.models.retrieve('gpt-none'));

  expect(asked).toBeInstanceOf(NotFoundError);
  expect(asked).toMatchObject({ code: 'model_not_found', param: 'model' });
  expect(asked.message).toContain('Known models: m.');
  expect(looked).toBeInstanceOf(NotFoundError);
});

test('a request that the schema refuses is a BadRequestError that names the field', async () => {
  await using producer = await TestProducer.start();
  const messages = [{ role: 'robot' as 'user', content: 'Hello' }];

  const asked = await refusalOf(producer.openai.chat.completions.create({ model: 'm', messages }));

  expect(asked).toBeInstanceOf(BadRequestError);
  expect(asked).toMatchObject({ code: 'invalid_request', param: 'messages[0].role' });
});

test.each([
  ['bad_request', BadRequestError, 400],
  ['not_found', NotFoundError, 404],
  ['internal', InternalServerError, 500],
] satisfies [FailureClass, unknown, number][])(
  'a job that fails as %s is answered with the status, code and param of the model server',
  async (failureClass, errorClass, status) => {
    await using producer = await TestProducer.start({
      runJob: () =>
        Promise.resolve({
          kind: 'failed',
          failure: failure(failureClass, 'No.', { code: 'theirs', param: 'messages' }),
        }),
    });

    const asked = await refusalOf(producer.openai.chat.completions.create(CHAT));
    const streamed = await refusalOf(producer.openai.chat.completions.create({ ...CHAT, stream: true }));

    expect(asked).toBeInstanceOf(errorClass);
    expect(streamed).toBeInstanceOf(errorClass);
    for (const error of [asked, streamed]) expect(error).toMatchObject({ status, code: 'theirs', param: 'messages' });
  },
);

test.each([
  ['unauthorized', 'upstream_unauthorized'],
  ['forbidden', 'upstream_forbidden'],
] satisfies [FailureClass, string][])(
  "a model server that finds the engine's key %s is no fault of the caller's key",
  async (failureClass, code) => {
    await using producer = await TestProducer.start({
      runJob: () => Promise.resolve({ kind: 'failed', failure: failure(failureClass, "Check the key of 'm'.") }),
    });

    const asked = await refusalOf(producer.openai.chat.completions.create(CHAT));
    const [job] = (await producer.engine.inspector.jobs({ state: 'failed' })).jobs;

    expect(asked).toBeInstanceOf(InternalServerError);
    expect(asked).toMatchObject({ status: 502, code, message: expect.stringContaining("Check the key of 'm'.") });
    expect(job?.error).toMatchObject({ class: failureClass });
  },
);

test('a model server that stays busy is a RateLimitError with the time to wait, which the client obeys', async () => {
  let runs = 0;
  await using producer = await TestProducer.start({
    runJob: () => {
      runs += 1;
      const busy = failure('rate_limited', 'Slow down.', { retryAfterMs: 10 });
      return Promise.resolve(runs <= 3 ? { kind: 'failed', failure: busy } : chatCompletion('At last'));
    },
  });

  const refused = await refusalOf(producer.openai.chat.completions.create(CHAT));
  runs = 0;
  const patient = await producer.client({ maxRetries: 2 }).chat.completions.create(CHAT);

  expect(refused).toBeInstanceOf(RateLimitError);
  expect(refused.headers?.get('retry-after-ms')).toBe('10');
  expect(patient.choices[0]?.message.content).toBe('At last');
});

test('a key that is not known is an AuthenticationError', async () => {
  await using producer = await TestProducer.start({ access: new Access(['sk-right']) });

  const asked = await refusalOf(producer.client({ apiKey: 'sk-wrong' }).models.list());
  const models = await producer.client({ apiKey: 'sk-right' }).models.list();

  expect(asked).toBeInstanceOf(AuthenticationError);
  expect(asked).toMatchObject({ status: 401, code: 'invalid_api_key' });
  expect(models.data).toHaveLength(1);
});

test('a repeated request with the same key is the same job', async () => {
  let runs = 0;
  await using producer = await TestProducer.start({
    runJob: () => {
      runs += 1;
      return Promise.resolve(chatCompletion(`run ${runs}`));
    },
  });
  const keyed = { headers: { 'Idempotency-Key': 'order-1' } };

  const first = await producer.openai.chat.completions.create(CHAT, keyed);
  const second = await producer.openai.chat.completions.create(CHAT, keyed);
  const other = await refusalOf(producer.openai.chat.completions.create({ ...CHAT, temperature: 1 }, keyed));

  expect([first, second].map(({ choices }) => choices[0]?.message.content)).toEqual(['run 1', 'run 1']);
  expect(other).toBeInstanceOf(ConflictError);
  expect(other).toMatchObject({ code: 'idempotency_conflict' });
});

test('a conflict is not sent again by the client', async () => {
  await using producer = await TestProducer.start({ runJob: () => Promise.resolve(chatCompletion('Hi')) });
  const keyed = { headers: { 'Idempotency-Key': 'order-1' } };
  await producer.openai.chat.completions.create(CHAT, keyed);
  let requests = 0;
  const counting: typeof fetch = (input, init) => {
    requests += 1;
    return fetch(input, init);
  };

  const client = producer.client({ maxRetries: 2, fetch: counting });
  const refused = await refusalOf(client.chat.completions.create({ ...CHAT, seed: 1 }, keyed));

  expect(refused).toBeInstanceOf(ConflictError);
  expect(requests).toBe(1);
});
