import { expect, test } from 'vitest';
import { expectedChoices, upstreamBody } from './request-body.ts';

test('the usage that the caller did not ask for is asked for beside its other stream options', () => {
  const body = { model: 'm', stream: true, stream_options: { chunk_size: 4 }, top_k: 3 };

  const sent: unknown = JSON.parse(
    upstreamBody({ jobId: 'j', priority: 'standard', endpoint: '/v1/completions', body }, 'up', true),
  );

  expect(sent).toEqual({ model: 'up', stream: true, top_k: 3, stream_options: { chunk_size: 4, include_usage: true } });
});

test('an embedding is never asked for as a stream', () => {
  const body = { model: 'm', stream: true, input: 'x' };

  const sent: unknown = JSON.parse(
    upstreamBody({ jobId: 'j', priority: 'standard', endpoint: '/v1/embeddings', body }, 'm', true),
  );

  expect(sent).toEqual(body);
});

test.for<[Record<string, unknown>, number]>([
  [{}, 1],
  [{ n: 3 }, 3],
  [{ prompt: ['a', 'b'] }, 2],
  [{ prompt: ['a', 'b'], n: 2 }, 4],
  [{ prompt: [1, 2, 3] }, 1],
  [{ prompt: [[1], [2]] }, 2],
])('%o expects %s choices', ([fields, count]) => {
  expect(expectedChoices({ model: 'm', ...fields })).toBe(count);
});
