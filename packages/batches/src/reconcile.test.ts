import { expect, test } from 'vitest';
import { reconcile } from './reconcile.ts';
import type { ReconcileTools } from './reconcile.ts';

test('what is wrong with one thing that is looked after keeps no other from its turn, and is told', async () => {
  const done: string[] = [];
  const broken = (): Promise<never> => Promise.reject(new Error('broken'));
  const tools = {
    batches: { expire: broken, live: broken },
    groups: { unfinished: broken },
    events: { giveUpOlder: async () => void done.push('events') },
    files: { removeExpired: async () => void done.push('files') },
  } as unknown as ReconcileTools;

  const looking = reconcile(1, tools, new AbortController().signal);

  await expect(looking).rejects.toThrow('broken');
  expect(done).toEqual(['events', 'files']);
});
