import type { ServedModel } from '@llm-engine/executors';
import { describe, expect, test } from 'vitest';
import type { Behaviour } from '../support/model-server.ts';
import { failureOf, infer, startOpenAI } from '../support/openai-executor.ts';

describe('a failing model server', () => {
  test.for<{ what: string; behaviour: Behaviour; stream?: boolean; failure: Record<string, unknown> }>([
    {
      what: 'a 429 with Retry-After in seconds',
      behaviour: { kind: 'status', status: 429, headers: { 'retry-after': '1.5' }, error: { message: 'Slow down.' } },
      failure: { class: 'rate_limited', status: 429, retryAfterMs: 1500, message: 'Slow down.' },
    },
    {
      what: 'a 429 with retry-after-ms',
      behaviour: { kind: 'status', status: 429, headers: { 'retry-after-ms': '250', 'retry-after': '9' } },
      failure: { class: 'rate_limited', retryAfterMs: 250 },
    },
    {
      what: 'a 400 with its own type, param and code',
      behaviour: {
        kind: 'status',
        status: 400,
        error: { message: 'No.', type: 'invalid_request_error', param: 'messages', code: 'bad_role' },
      },
      failure: {
        class: 'bad_request',
        status: 400,
        type: 'invalid_request_error',
        param: 'messages',
        code: 'bad_role',
      },
    },
    {
      what: 'a prompt that is too long, said in words',
      behaviour: {
        kind: 'status',
        status: 400,
        error: { message: "This model's maximum context length is 4096 tokens." },
      },
      failure: { class: 'context_too_long', status: 400 },
    },
    { what: 'a 422', behaviour: { kind: 'status', status: 422 }, failure: { class: 'bad_request', status: 422 } },
    { what: 'a 500', behaviour: { kind: 'status', status: 500 }, failure: { class: 'server_error', status: 502 } },
    { what: 'a 503', behaviour: { kind: 'status', status: 503 }, failure: { class: 'overloaded', status: 503 } },
    {
      what: 'a 502 from a proxy, in HTML',
      behaviour: { kind: 'status', status: 502, body: '<html>Bad Gateway</html>' },
      failure: { class: 'server_error', message: expect.stringContaining('Bad Gateway') },
    },
    {
      what: 'a redirect',
      behaviour: { kind: 'status', status: 302, headers: { location: 'http://elsewhere/v1' }, body: '' },
      failure: { class: 'bad_request', status: 502, message: expect.stringContaining('http://elsewhere/v1') },
    },
    {
      what: 'a connection reset before the headers',
      behaviour: { kind: 'reset' },
      failure: { class: 'connection', message: expect.stringContaining('check that it runs') },
    },
    { what: 'a reset inside a body', behaviour: { kind: 'reset', afterChunks: 1 }, failure: { class: 'connection' } },
    {
      what: 'a reset inside a stream',
      behaviour: { kind: 'reset', afterChunks: 2 },
      stream: true,
      failure: { class: 'stream_interrupted' },
    },
    { what: 'malformed JSON', behaviour: { kind: 'malformed' }, failure: { class: 'malformed_response' } },
    {
      what: 'malformed JSON in a stream',
      behaviour: { kind: 'malformed' },
      stream: true,
      failure: { class: 'malformed_response' },
    },
    { what: 'truncated JSON', behaviour: { kind: 'truncated' }, failure: { class: 'malformed_response' } },
    {
      what: 'a web page',
      behaviour: { kind: 'raw', parts: ['<html></html>'], headers: { 'content-type': 'text/html' } },
      failure: { class: 'malformed_response', message: expect.stringContaining('text/html') },
    },
    {
      what: 'a web page where a stream was asked for',
      behaviour: { kind: 'raw', parts: ['<html></html>'], headers: { 'content-type': 'text/html' } },
      stream: true,
      failure: { class: 'malformed_response' },
    },
    {
      what: 'JSON without choices',
      behaviour: { kind: 'raw', parts: ['{"ok":true}'], headers: { 'content-type': 'application/json' } },
      failure: { class: 'malformed_response', message: expect.stringContaining("'choices'") },
    },
    {
      what: 'a whole body where a stream was asked for',
      behaviour: { kind: 'raw', parts: ['{"choices":[]}'], headers: { 'content-type': 'application/json' } },
      stream: true,
      failure: { class: 'malformed_response', message: expect.stringContaining('stream') },
    },
    {
      what: 'an error with status 200',
      behaviour: { kind: 'error-frame', error: { message: 'Out of memory.', type: 'server_error' } },
      failure: { class: 'server_error', message: 'Out of memory.' },
    },
    {
      what: 'an error frame inside a stream',
      behaviour: { kind: 'error-frame', error: { message: 'Too fast.', type: 'rate_limit_error', code: 'slow_down' } },
      stream: true,
      failure: { class: 'rate_limited', message: 'Too fast.', code: 'slow_down' },
    },
    {
      what: 'an error frame with an HTTP status for a code',
      behaviour: { kind: 'error-frame', error: { message: 'Bad.', code: 400 } },
      stream: true,
      failure: { class: 'bad_request', message: 'Bad.' },
    },
    {
      what: 'a stream that ends without its finish reason',
      behaviour: { kind: 'no-done', afterChunks: 2 },
      stream: true,
      failure: { class: 'stream_interrupted' },
    },
    {
      what: 'an empty stream',
      behaviour: { kind: 'raw', parts: [': nothing\n\n', 'data: [DONE]\n\n'] },
      stream: true,
      failure: { class: 'malformed_response' },
    },
  ])('$what becomes its failure', async ({ behaviour, stream = false, failure }) => {
    await using setup = await startOpenAI();
    setup.server.next(behaviour);

    const answer = infer(setup.executor, { stream });

    await expect(failureOf(answer)).resolves.toMatchObject(failure);
  });

  test('an answer over the limit is cut off, and the connection closed', async () => {
    await using setup = await startOpenAI({ maxResponseBytes: 10_000 });
    setup.server.next({ kind: 'huge', bytes: 30_000_000 });

    const answer = infer(setup.executor);

    await expect(failureOf(answer)).resolves.toMatchObject({ class: 'response_too_large' });
    const request = await setup.server.request(0);
    await expect(request.closed).resolves.toMatchObject({ by: 'client' });
  });

  test.for<{ what: string; settings: Partial<ServedModel>; behaviour: Behaviour; message: string }>([
    {
      what: 'headers',
      settings: { headersTimeoutMs: 30 },
      behaviour: { kind: 'hang' },
      message: 'did not start its answer within 30 ms',
    },
    {
      what: 'a silent body',
      settings: { idleTimeoutMs: 30 },
      behaviour: { kind: 'hang', afterChunks: 1 },
      message: 'fell silent for 30 ms',
    },
    {
      what: 'the whole answer',
      settings: { timeoutMs: 30, headersTimeoutMs: 5000 },
      behaviour: { kind: 'hang', afterChunks: 1 },
      message: 'did not finish its answer within 30 ms',
    },
  ])('the wait for $what is bounded', async ({ settings, behaviour, message }) => {
    await using setup = await startOpenAI(settings);
    setup.server.next(behaviour);

    const answer = infer(setup.executor, { stream: true });

    await expect(failureOf(answer)).resolves.toMatchObject({
      class: 'timeout',
      message: expect.stringContaining(message),
    });
    const request = await setup.server.request(0);
    await expect(request.closed).resolves.toMatchObject({ by: 'client' });
  });

  test('a server that is down at first answers once it is there', async () => {
    await using setup = await startOpenAI();
    await setup.server.stop();
    await expect(failureOf(infer(setup.executor))).resolves.toMatchObject({
      class: 'connection',
      message: expect.stringContaining('ECONNREFUSED'),
    });

    await setup.server.start();

    await expect(infer(setup.executor)).resolves.toMatchObject({ kind: 'completed' });
  });
});
