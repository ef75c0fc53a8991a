import { expect, test } from 'vitest';
import { stopReason } from './outcome.ts';

test('a signal that has not aborted has no reason', () => {
  expect(stopReason(new AbortController().signal)).toBeUndefined();
});

test.for(['cancelled', 'shutdown', 'lock-lost', 'timeout'] as const)('the reason %s is told as it is', (reason) => {
  expect(stopReason(AbortSignal.abort(reason))).toBe(reason);
});

test('a reason that is not ours counts as a cancellation', () => {
  expect(stopReason(AbortSignal.abort())).toBe('cancelled');
  expect(stopReason(AbortSignal.abort(new Error('timeout')))).toBe('cancelled');
});
