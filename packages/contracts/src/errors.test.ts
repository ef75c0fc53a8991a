import { expect, test } from 'vitest';
import { ERRORS, EngineError, errorBody } from './errors.ts';
import type { ErrorCode } from './errors.ts';
import { failure } from './failures.ts';

test.for(Object.keys(ERRORS) as ErrorCode[])('an error %s answers with the status and type of its code', (code) => {
  const error = new EngineError(code, 'why');

  expect(error.status).toBe(ERRORS[code].status);
  expect(error.type).toBe(ERRORS[code].type);
  expect(error.type).toBe(error.status >= 500 ? 'server_error' : expectedType(error.status));
});

function expectedType(status: number): string {
  return status === 401 ? 'authentication_error' : 'invalid_request_error';
}

test('an error names the field at fault, the time to wait, and its cause', () => {
  const cause = new Error('refused');
  const error = new EngineError('queue_unavailable', 'why', { param: 'model', retryAfterMs: 1_000, cause });

  expect(error).toMatchObject({ name: 'EngineError', message: 'why', param: 'model', retryAfterMs: 1_000, cause });
});

test('an error without details names no field and no time', () => {
  const error = new EngineError('job_not_found', 'why');

  expect(error).toMatchObject({ param: null, retryAfterMs: undefined });
});

test('the body of an answer holds the four fields of an error or of a failure, and nothing else', () => {
  const ofError = errorBody(new EngineError('job_not_found', 'why', { param: 'id', retryAfterMs: 5 }));
  const ofFailure = errorBody(failure('rate_limited', 'slow down', { retryAfterMs: 5 }));

  expect(ofError).toEqual({
    error: { message: 'why', type: 'invalid_request_error', param: 'id', code: 'job_not_found' },
  });
  expect(ofFailure).toEqual({
    error: { message: 'slow down', type: 'rate_limit_error', param: null, code: 'rate_limited' },
  });
});
