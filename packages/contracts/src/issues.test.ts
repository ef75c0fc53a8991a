import { expect, test } from 'vitest';
import { z } from 'zod';
import { describeIssue } from './issues.ts';

const schema = z.strictObject({
  name: z.string('must be a text'),
  messages: z.array(z.strictObject({ role: z.string('must be a text') })),
});

function describeInput(input: unknown): { message: string; param: string | null } {
  const parsed = schema.safeParse(input);
  if (parsed.success) throw new Error('the input was meant to be wrong');
  return describeIssue(parsed.error);
}

test('a path through objects and lists is written as a caller would write it', () => {
  const described = describeInput({ name: 'x', messages: [{ role: 'user' }, { role: 1 }] });

  expect(described).toEqual({ param: 'messages[1].role', message: "'messages[1].role': must be a text" });
});

test('an issue of the whole value names no field', () => {
  const described = describeInput('text');

  expect(described.param).toBeNull();
  expect(described.message).not.toContain("''");
});

test('further problems are counted, not listed', () => {
  expect(describeInput({ name: 1, messages: [{ role: 1 }] }).message).toBe(
    "'name': must be a text (and 1 more problem)",
  );
  expect(describeInput({ name: 1, messages: [{ role: 1 }, { role: 2 }] }).message).toContain('(and 2 more problems)');
});

test('an error without an issue is still a sentence', () => {
  expect(describeIssue(new z.ZodError([]))).toEqual({ message: 'The value is invalid.', param: null });
});
