import { failure } from '@llm-engine/contracts';
import { expect, test, vi } from 'vitest';
import { TestEngine, chat } from '../support/engine.ts';

test('letters that fail again at once are tried again exactly once each, the oldest first', async () => {
  await using engine = await TestEngine.start();
  const runs: string[] = [];
  await engine.consume(
    async (lease) => {
      runs.push(lease.id);
      return { kind: 'failed', failure: failure('bad_request', 'no') };
    },
    { concurrency: 1 },
  );
  const handles = await engine.producer.submitMany(Array.from({ length: 20 }, (_, index) => chat(String(index))));
  await engine.event(() => engine.count('failed') === 20);
  const queue = engine.connection.queue('inference.default');
  const remove = queue.remove.bind(queue);
  // A letter is gone only after its successor has failed as well.
  vi.spyOn(queue, 'remove').mockImplementation(async (id) => {
    await engine.event(() => engine.count('failed') >= 40);
    return remove(id);
  });

  const retried = await engine.inspector.retryAll();

  expect(retried).toBe(20);
  expect(runs.slice(20)).toEqual(handles.map(({ id }) => `${id}-2`));
});
