import { expect, test } from 'vitest';
import { chunkTask, finaliseTask, reconcileTask, validateTask } from './tasks.ts';

const BATCH = { id: 'batch_1', pool: 'large', priority: 'bulk' } as const;

test('the tasks of a batch have ids that follow from it, so that adding one again adds nothing', () => {
  const ids = [validateTask('batch_1'), chunkTask(BATCH, 7), finaliseTask('batch_1')].map(({ task }) => task.id);

  expect(ids).toEqual(['validate-batch_1', 'batch_1-7', 'finalise-batch_1']);
});

test('a chunk waits in the queue of its pool, by its number: batches take turns', () => {
  expect(chunkTask(BATCH, 7)).toEqual({
    queue: 'batch.large',
    task: { id: 'batch_1-7', name: 'chunk', data: { batchId: 'batch_1', number: 7 }, priority: 'bulk', order: 7 },
  });
});

test('a batch that was not validated has no chunks to run', () => {
  expect(() => chunkTask({ ...BATCH, pool: null }, 0)).toThrow("The batch 'batch_1' has no pool");
});

test('workers that look in the same span of time add the same look', () => {
  const spans = [0, 9_999, 10_000].map((now) => reconcileTask(10_000, now).task.id);

  expect(spans).toEqual(['reconcile-0', 'reconcile-0', 'reconcile-1']);
});
