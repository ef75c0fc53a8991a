import { expect, test } from 'vitest';
import { worstOf } from './health.ts';

test('one failure fails the whole, one warning warns, and nothing at all passes', () => {
  expect(worstOf(['pass', 'warn', 'fail', 'pass'])).toBe('fail');
  expect(worstOf(['pass', 'warn', 'pass'])).toBe('warn');
  expect(worstOf(['pass', 'pass'])).toBe('pass');
  expect(worstOf([])).toBe('pass');
});
