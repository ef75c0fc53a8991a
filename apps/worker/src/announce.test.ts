import type { ModelInfo } from '@llm-engine/contracts';
import { expect, test } from 'vitest';
import { announceModels } from './announce.ts';

const MODEL: ModelInfo = {
  id: 'm',
  executor: 'mock',
  pool: 'default',
  endpoints: [],
  trainable: true,
  ownedBy: 'test',
  created: 0,
};

test('what the model servers say they serve is announced', async () => {
  const announced: (readonly ModelInfo[])[] = [];
  const { signal } = new AbortController();
  const seen: AbortSignal[] = [];

  await announceModels(
    {
      models: async (given) => {
        seen.push(given);
        return [MODEL];
      },
    },
    { announce: async (models) => void announced.push(models) },
    signal,
  );

  expect(announced).toEqual([[MODEL]]);
  expect(seen).toEqual([signal]);
});
