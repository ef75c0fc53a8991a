import { expect, test } from 'vitest';
import { ExchangeError } from './exchange.ts';
import { exchangeFailure, frameFailure, replyFailure } from './failures.ts';
import { answerLimits } from './settings.ts';

const URL = 'http://gpu-1/v1';

test.for<{ server: string; body: unknown; message: string }>([
  { server: 'OpenAI', body: { error: { message: 'No.', type: 't', param: 'p', code: 'c' } }, message: 'No.' },
  { server: 'Ollama', body: { error: 'model not loaded' }, message: 'model not loaded' },
  { server: 'older vLLM', body: { object: 'error', message: 'No such model.', code: 404 }, message: 'No such model.' },
  { server: 'FastAPI', body: { detail: 'Not Found' }, message: 'Not Found' },
  {
    server: 'FastAPI validation',
    body: { detail: [{ msg: 'field required' }] },
    message: '[{"msg":"field required"}]',
  },
  { server: 'a proxy', body: undefined, message: 'http://gpu-1/v1 answered 404 Not Found.' },
])('the error of $server keeps its words', ({ body, message }) => {
  const reply = { status: 404, headers: {}, body: Buffer.from(body === undefined ? '' : JSON.stringify(body)) };

  const failure = replyFailure(URL, "the model 'm'", reply, 0);

  expect(failure).toMatchObject({ class: 'not_found', status: 404, message, code: expect.any(String) });
});

test.for<[unknown, string]>([
  [{ error: { message: 'x', code: 503 } }, 'overloaded'],
  [{ error: { message: 'x', code: '429' } }, 'rate_limited'],
  [{ error: { message: 'x', type: 'overloaded_error' } }, 'overloaded'],
  [{ error: { message: 'x', type: 'invalid_request_error' } }, 'bad_request'],
  [{ error: { message: 'x', type: 'invalid_request_error', code: 'context_length_exceeded' } }, 'context_too_long'],
  [{ error: { type: 'something_else' } }, 'server_error'],
])('the frame %j is of class %s', ([frame, failureClass]) => {
  expect(frameFailure(URL, 'm', frame).class).toBe(failureClass);
});

test.for([
  [401, 'unauthorized', 'upstream_unauthorized'],
  [403, 'forbidden', 'upstream_forbidden'],
] as const)("a %i is told as the engine's own trouble, without the words of the server", ([status, cls, code]) => {
  const error = {
    message: 'Incorrect API key provided: sk-ab***yz',
    code: 'invalid_api_key',
    type: 'auth',
    param: 'x',
  };
  const reply = { status, headers: {}, body: Buffer.from(JSON.stringify({ error })) };

  const failures = [
    replyFailure(URL, "the model 'm'", reply, 0),
    frameFailure(URL, 'm', { error: { ...error, code: status } }),
  ];

  for (const failure of failures) {
    expect(failure).toMatchObject({ class: cls, status: 502, code, type: 'server_error', param: null });
    expect(failure.message).toMatch(/key .*the model 'm'.*check the apiKey/);
    expect(failure.message).not.toContain('sk-');
  }
});

test('several addresses that refuse the connection are told by their reason', () => {
  const refused = Object.assign(new Error('connect ECONNREFUSED ::1:8000'), { code: 'ECONNREFUSED' });
  const cause = new AggregateError([refused, refused]);

  const failure = exchangeFailure(
    URL,
    new ExchangeError('transport', { sent: true, answered: false, cause }),
    answerLimits({}),
    false,
  );

  expect(failure).toMatchObject({ class: 'connection', message: expect.stringContaining('ECONNREFUSED') });
});

test('an answer that is not HTTP is malformed', () => {
  const cause = Object.assign(new Error('Expected HTTP/'), { code: 'HPE_INVALID_CONSTANT' });

  const failure = exchangeFailure(
    URL,
    new ExchangeError('transport', { sent: true, answered: false, cause }),
    answerLimits({}),
    false,
  );

  expect(failure).toMatchObject({ class: 'malformed_response' });
});

test('an error that is no Error is told by its text', () => {
  const failure = exchangeFailure(
    URL,
    new ExchangeError('transport', { sent: true, answered: false, cause: 'odd' }),
    answerLimits({}),
    false,
  );

  expect(failure).toMatchObject({ class: 'connection', message: expect.stringContaining('odd') });
});
