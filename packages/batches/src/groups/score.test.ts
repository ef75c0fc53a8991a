import { expect, test } from 'vitest';
import { scoreOf } from './score.ts';

const RESULT = { usage: { total_tokens: 7 }, choices: [{ score: 0.5 }], text: '3', endless: Infinity, nothing: null };

test.each([
  ['usage.total_tokens', 7],
  ['choices.0.score', 0.5],
])('the path %s leads to a number', (path, score) => {
  expect(scoreOf(RESULT, path)).toBe(score);
});

test.each([
  'usage',
  'text',
  'endless',
  'nothing.more',
  'missing',
  'text.length',
  'choices.length.toString',
  'constructor',
])('the path %s leads to no number', (path) => {
  expect(scoreOf(RESULT, path)).toBeNull();
});

test('a job without a result has no score', () => {
  expect(scoreOf(undefined, 'usage')).toBeNull();
});
