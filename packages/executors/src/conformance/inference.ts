import type { FailureClass, InferenceBody, InferenceEndpoint } from '@llm-engine/contracts';
import { expect, test } from 'vitest';
import type { InferRequest } from '../executor.ts';
import { failureOf, never } from './subject.ts';
import type { ConformanceSubject, Fields, StartSubject } from './subject.ts';

const CHAT = { messages: [{ role: 'user', content: 'Say something.' }] };

export function describeInference(start: StartSubject): void {
  test('it lists its models with the executor that runs them', async () => {
    await using subject = await start();

    const models = await subject.executor.models(never());

    expect(models).toContainEqual(
      expect.objectContaining({ id: subject.model, executor: subject.executor.name, pool: 'default' }),
    );
  });

  test.for<{ endpoint: InferenceEndpoint; fields: Fields; object: string }>([
    { endpoint: '/v1/chat/completions', fields: CHAT, object: 'chat.completion' },
    { endpoint: '/v1/completions', fields: { prompt: 'Say something.' }, object: 'text_completion' },
    { endpoint: '/v1/embeddings', fields: { input: ['a', 'b'], encoding_format: 'base64' }, object: 'list' },
  ])('it answers $endpoint with the whole body and its usage', async ({ endpoint, fields, object }) => {
    await using subject = await start();

    const answer = await subject.executor.infer(request(subject, fields, endpoint), { signal: never() });

    expect(answer.result).toMatchObject({ object, model: subject.model });
    expect(answer.usage?.promptTokens).toBeGreaterThan(0);
    expect(answer.usage?.totalTokens).toBe(answer.usage!.promptTokens + answer.usage!.completionTokens);
  });

  test.for<{ endpoint: InferenceEndpoint; fields: Fields }>([
    { endpoint: '/v1/chat/completions', fields: CHAT },
    { endpoint: '/v1/completions', fields: { prompt: 'Say something.' } },
  ])('the chunks of $endpoint add up to the body that comes without stream', async ({ endpoint, fields }) => {
    await using subject = await start();
    const plain = await subject.executor.infer(request(subject, { ...fields, n: 2 }, endpoint), { signal: never() });

    const { answer, chunks } = await stream(subject, { ...fields, n: 2 }, endpoint);

    expect(answer.finishReason).toBe('stop');
    expect(answer.firstChunkMs).toBeGreaterThanOrEqual(0);
    expect(answer.usage).toEqual(plain.usage);
    expect(choicesOf(answer.result)).toEqual(choicesOf(plain.result));
    expect(textOf(chunks, 0)).toBe(textOf(chunks, 1));
    expect(JSON.stringify(answer.result)).toContain(JSON.stringify(textOf(chunks, 0)));
  });

  test('the chunk with the usage comes only where it was asked for', async () => {
    await using subject = await start();

    const without = await stream(subject, CHAT);
    const asked = await stream(subject, { ...CHAT, stream_options: { include_usage: true } });

    expect(without.chunks.some((chunk) => choicesOf(chunk).length === 0)).toBe(false);
    expect(asked.chunks.at(-1)).toMatchObject({
      choices: [],
      usage: { total_tokens: asked.answer.usage?.totalTokens },
    });
  });

  test('max_tokens cuts the answer', async () => {
    await using subject = await start();

    const { answer } = await stream(subject, { ...CHAT, max_tokens: 2 });

    expect(answer).toMatchObject({ finishReason: 'length', usage: { completionTokens: 2 } });
  });
}

export function describeEnds(start: StartSubject): void {
  test('a model that it does not have is not found', async () => {
    await using subject = await start();

    const answer = subject.executor.infer(request(subject, { ...CHAT, model: 'nobody' }), { signal: never() });

    await expect(failureOf(answer)).resolves.toMatchObject({ class: 'not_found', code: 'model_not_found' });
  });

  test('a rate limit is told with the time to wait', async () => {
    await using subject = await start();

    const answer = subject.executor.infer(request(subject, { ...CHAT, ...subject.cases.rateLimited }), {
      signal: never(),
    });

    await expect(failureOf(answer)).resolves.toMatchObject({ class: 'rate_limited', retryAfterMs: 2000 });
  });

  test.for<{ name: 'badRequest' | 'interruptedAfterOneChunk'; class: FailureClass }>([
    { name: 'badRequest', class: 'bad_request' },
    { name: 'interruptedAfterOneChunk', class: 'stream_interrupted' },
  ])('the case $name fails as $class', async ({ name, class: failureClass }) => {
    await using subject = await start();

    const answer = stream(subject, { ...CHAT, ...subject.cases[name] });

    await expect(failureOf(answer)).resolves.toMatchObject({ class: failureClass });
  });

  test('a refusal carries the status and the body that it came with', async () => {
    await using subject = await start();

    const answer = subject.executor.infer(request(subject, { ...CHAT, ...subject.cases.badRequest }), {
      signal: never(),
    });

    await expect(answer).rejects.toMatchObject({
      sent: true,
      upstream: { status: 400, body: { error: { message: expect.any(String) } } },
    });
  });

  test('a request whose signal has aborted does not begin', async () => {
    await using subject = await start();
    const reason = new Error('shutdown');

    const answer = subject.executor.infer(request(subject, CHAT), { signal: AbortSignal.abort(reason) });

    await expect(answer).rejects.toBe(reason);
  });

  test('an abort ends a request that waits for its answer', async () => {
    await using subject = await start();
    const stop = new AbortController();
    const answer = subject.executor.infer(request(subject, { ...CHAT, ...subject.cases.hang }), {
      signal: stop.signal,
    });
    const ended = failureOf(answer);
    await subject.arrived();

    stop.abort(new Error('cancelled'));

    await expect(ended).resolves.toMatchObject({ message: 'cancelled' });
    const { slotsInUse } = await subject.executor.healthCheck(never());
    expect(slotsInUse).toBe(0);
  });

  test('an abort inside a stream ends it, also with a reason that is no error', async () => {
    await using subject = await start();
    const stop = new AbortController();

    const answer = subject.executor.infer(
      request(subject, { ...CHAT, ...subject.cases.hangAfterOneChunk, stream: true }),
      { signal: stop.signal, onChunk: () => stop.abort('cancelled') },
    );

    await expect(answer).rejects.toMatchObject({ name: 'AbortError', cause: 'cancelled' });
  });

  test('what onChunk throws ends the request', async () => {
    await using subject = await start();
    const broken = new Error('the reader broke');

    const answer = subject.executor.infer(request(subject, { ...CHAT, stream: true }), {
      signal: never(),
      onChunk: () => {
        throw broken;
      },
    });

    await expect(answer).rejects.toBe(broken);
  });

  test('closing it ends what is under way as worth another attempt, and refuses more', async () => {
    await using subject = await start();
    const hanging = subject.executor.infer(request(subject, { ...CHAT, ...subject.cases.hang }), { signal: never() });
    const failed = failureOf(hanging);
    await subject.arrived();

    await subject.executor[Symbol.asyncDispose]();

    await expect(failed).resolves.toMatchObject({ class: 'connection' });
    const late = subject.executor.infer(request(subject, CHAT), { signal: never() });
    await expect(failureOf(late)).resolves.toMatchObject({ class: 'connection' });
  });
}

export function describeHealth(start: StartSubject): void {
  test('it is healthy, and counts the slots in use', async () => {
    await using subject = await start();
    const stop = new AbortController();
    const hanging = subject.executor.infer(request(subject, { ...CHAT, ...subject.cases.hang }), {
      signal: stop.signal,
    });
    const ended = failureOf(hanging);

    const health = await subject.executor.healthCheck(never());

    expect(health).toMatchObject({ executor: subject.executor.name, status: 'pass', slotsInUse: 1 });
    expect(health.slots).toBeGreaterThan(0);
    stop.abort();
    await ended;
  });

  test('an aborted health check rejects', async () => {
    await using subject = await start();

    const health = subject.executor.healthCheck(AbortSignal.abort(new Error('stop')));

    await expect(health).rejects.toThrow('stop');
  });
}

function request(
  subject: ConformanceSubject,
  fields: Fields,
  endpoint: InferenceEndpoint = '/v1/chat/completions',
): InferRequest {
  const body: InferenceBody = { model: subject.model, ...fields };
  return { jobId: 'job-1', endpoint, body, priority: 'standard' };
}

async function stream(subject: ConformanceSubject, fields: Fields, endpoint?: InferenceEndpoint) {
  const chunks: unknown[] = [];
  const answer = await subject.executor.infer(request(subject, { ...fields, stream: true }, endpoint), {
    signal: never(),
    onChunk: (chunk) => chunks.push(JSON.parse(chunk)),
  });
  return { answer, chunks };
}

interface Choice {
  readonly index: number;
  readonly text?: string;
  readonly delta?: { readonly content?: string };
}

function choicesOf(body: unknown): readonly Choice[] {
  return (body as { readonly choices: readonly Choice[] }).choices;
}

function textOf(chunks: readonly unknown[], index: number): string {
  return chunks
    .flatMap(choicesOf)
    .filter((choice) => choice.index === index)
    .map(({ text, delta }) => text ?? delta?.content ?? '')
    .join('');
}
