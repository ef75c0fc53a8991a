import type { Completed } from '@llm-engine/contracts';
import { expect, test } from 'vitest';
import { runLine } from './run-line.ts';

const LINE = {
  id: 'batch_req_1_0_0',
  customId: 'a',
  endpoint: '/v1/chat/completions',
  body: { model: 'm', messages: [] },
  priority: 'bulk',
} as const;

/** The tokens of a line that the model server answered with these details. */
async function tokensOf(usage: object) {
  const answer: Completed = {
    kind: 'completed',
    result: { usage },
    usage: { promptTokens: 7, completionTokens: 5, totalTokens: 12 },
  };
  const { tokens } = await runLine(LINE, {
    executor: { infer: async () => answer },
    slots: { leave: () => undefined, reenter: () => undefined },
    signal: new AbortController().signal,
  });
  return tokens;
}

test('tokens from the cache and of reasoning are counted where the server tells of them', async () => {
  const told = { prompt_tokens_details: { cached_tokens: 4 }, completion_tokens_details: { reasoning_tokens: 3 } };

  expect(await tokensOf(told)).toEqual({ input: 7, cached: 4, output: 5, reasoning: 3 });
  expect(await tokensOf({})).toEqual({ input: 7, cached: 0, output: 5, reasoning: 0 });
});

test.each([1e300, -1, 0.5, '4', null])('what is no count of tokens (%j) is not counted', async (count) => {
  expect(await tokensOf({ prompt_tokens_details: { cached_tokens: count } })).toMatchObject({ cached: 0 });
});
