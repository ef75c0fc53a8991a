import { expect, test } from 'vitest';
import { inParallel } from './parallel.ts';

test('works through everything, never more than so many at once', async () => {
  let running = 0;
  let most = 0;
  const done: number[] = [];

  await inParallel([1, 2, 3, 4, 5, 6, 7], 3, async (item) => {
    running += 1;
    most = Math.max(most, running);
    await new Promise((resolve) => setImmediate(resolve));
    running -= 1;
    done.push(item);
  });

  expect(most).toBe(3);
  expect(done).toEqual([1, 2, 3, 4, 5, 6, 7]);
});

test('the first failure is told once those under way have ended, and nothing begins after it', async () => {
  const begun: number[] = [];
  const ended: number[] = [];
  const slow = Promise.withResolvers<void>();

  const all = inParallel([1, 2, 3, 4], 2, async (item) => {
    begun.push(item);
    if (item === 1) throw new Error('no 1');
    await slow.promise;
    ended.push(item);
  });
  slow.resolve();

  await expect(all).rejects.toThrow('no 1');
  expect(begun).toEqual([1, 2]);
  expect(ended).toEqual([2]);
});

test('nothing to do is done', async () => {
  await expect(inParallel([], 4, () => Promise.reject(new Error('asked')))).resolves.toBeUndefined();
});
