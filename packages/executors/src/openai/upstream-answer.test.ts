import { failure } from '@llm-engine/contracts';
import { expect, test } from 'vitest';
import { upstreamAnswer } from './upstream-answer.ts';

const BAD = failure('bad_request', 'No.');

test.for<[string, unknown]>([
  ['{"error":{"message":"No."}}', { error: { message: 'No.' } }],
  ['Bad Gateway', 'Bad Gateway'],
  ['', ''],
])('the body %j is kept as %j', ([text, body]) => {
  expect(upstreamAnswer({ status: 400, headers: {}, body: Buffer.from(text) }, BAD)).toEqual({ status: 400, body });
});

test('of a long body the beginning is kept, without half a character', () => {
  const body = Buffer.from('a' + 'é'.repeat(100_000));

  const answer = upstreamAnswer({ status: 502, headers: {}, body }, failure('server_error', 'No.'));

  expect(answer).toEqual({ status: 502, body: 'a' + 'é'.repeat(32 * 1024 - 1) });
});

test('where the key was refused, the words of the server are left out', () => {
  const body = Buffer.from('{"error":{"message":"Incorrect API key provided: sk-ab***yz"}}');

  const answer = upstreamAnswer({ status: 401, headers: {}, body }, failure('unauthorized', 'Check the apiKey.'));

  expect(answer).toMatchObject({ status: 401, body: { error: { message: 'Check the apiKey.' } } });
  expect(JSON.stringify(answer)).not.toContain('sk-');
});
