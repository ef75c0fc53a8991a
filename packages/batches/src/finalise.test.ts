import type { BatchRow, ChunkRow } from '@llm-engine/storage';
import { expect, test } from 'vitest';
import { finaliseBatch } from './finalise.ts';
import type { FinaliseTools } from './finalise.ts';

test('a result file that cannot be written leaves none of the chunks open', async () => {
  const open = new Set<string>();
  async function* reading(key: string): AsyncGenerator<Uint8Array> {
    open.add(key);
    try {
      yield Buffer.from('{}\n');
    } finally {
      open.delete(key);
    }
  }
  const chunk = { number: 0, sealedEpoch: 1, outputBytes: 3, errorBytes: 0 } as ChunkRow;
  const tools = {
    batches: { get: async () => ({ id: 'batch_1', status: 'finalizing', ending: 'completed' }) as BatchRow },
    chunks: {
      unsealed: async () => [],
      page: async (_id: string, { after = -1 }) => (after < 0 ? [chunk] : []),
    },
    objects: { read: async (key: string) => reading(key), write: () => Promise.reject(new Error('no space')) },
  } as unknown as FinaliseTools;

  await expect(finaliseBatch('batch_1', tools)).rejects.toThrow('no space');

  expect([...open]).toEqual([]);
});
