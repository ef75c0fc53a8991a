import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { FAILURES, FailureError, classifyStatus, failure, isRetryable } from './failures.ts';
import type { FailureClass } from './failures.ts';

const RETRIED: readonly FailureClass[] = [
  'rate_limited',
  'overloaded',
  'server_error',
  'timeout',
  'connection',
  'stream_interrupted',
  'malformed_response',
];
const CLASSES = Object.keys(FAILURES) as FailureClass[];

describe('each class of failure', () => {
  test.for(CLASSES)('%s carries its status and its type, and its name in its code', (failureClass) => {
    const made = failure(failureClass, 'why');

    expect(made).toEqual({
      class: failureClass,
      code: expect.stringMatching(new RegExp(`^(upstream_)?${failureClass}$`)),
      message: 'why',
      param: null,
      status: FAILURES[failureClass].status,
      type: FAILURES[failureClass].type,
    });
    expect(made.status).toBeGreaterThanOrEqual(400);
    expect(made.status).toBeLessThan(600);
  });

  test.for(CLASSES)('%s is tried again only where another attempt can help', (failureClass) => {
    expect(isRetryable(failure(failureClass, 'why'))).toBe(RETRIED.includes(failureClass));
  });
});

test.for<[FailureClass, string]>([
  ['unauthorized', 'upstream_unauthorized'],
  ['forbidden', 'upstream_forbidden'],
])("a model server's key that is %s is not told as the caller's", ([failureClass, code]) => {
  expect(failure(failureClass, 'why')).toMatchObject({ class: failureClass, status: 502, type: 'server_error', code });
});

test("what the model server said itself overrides the table, but not the failure's class", () => {
  const made = failure('bad_request', 'no such tool', { status: 422, code: 'unknown_tool', param: 'tools[0]' });

  expect(made).toMatchObject({ class: 'bad_request', status: 422, code: 'unknown_tool', param: 'tools[0]' });
});

test.for<[status: number, expected: FailureClass]>([
  [400, 'bad_request'],
  [401, 'unauthorized'],
  [403, 'forbidden'],
  [404, 'not_found'],
  [408, 'timeout'],
  [409, 'bad_request'],
  [413, 'too_large'],
  [422, 'bad_request'],
  [429, 'rate_limited'],
  [500, 'server_error'],
  [502, 'server_error'],
  [503, 'overloaded'],
  [504, 'timeout'],
  [529, 'server_error'],
])('a model server that answers %i has failed with %s', ([status, expected]) => {
  expect(classifyStatus(status)).toBe(expected);
});

test('a context that is too long is told by its code, whatever the status', () => {
  fc.assert(
    fc.property(fc.integer({ min: 400, max: 599 }), (status) => {
      expect(classifyStatus(status, 'context_length_exceeded')).toBe('context_too_long');
    }),
  );
});

test('every status of a server in trouble is tried again, and no other but 408 and 429', () => {
  fc.assert(
    fc.property(fc.integer({ min: 400, max: 599 }), (status) => {
      const { retry } = FAILURES[classifyStatus(status, null)];

      expect(retry).toBe(status >= 500 || status === 408 || status === 429);
    }),
  );
});

test('a thrown failure carries the failure, its message and its cause', () => {
  const cause = new Error('socket hang up');
  const thrown = new FailureError(failure('connection', 'The server has gone.'), { cause });

  expect(thrown).toBeInstanceOf(Error);
  expect(thrown).toMatchObject({ name: 'FailureError', message: 'The server has gone.', cause });
  expect(thrown.failure.class).toBe('connection');
  expect(thrown.sent).toBe(true);
  expect(thrown.upstream).toBeUndefined();
});
