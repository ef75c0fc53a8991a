import { expect, test } from 'vitest';
import { Keys, inferenceQueue } from './keys.ts';

test('all keys of an engine lie in one slot of a cluster, under its prefix', () => {
  const keys = new Keys('mine');

  const all = [
    keys.queues,
    keys.models,
    keys.workers,
    keys.cancelled,
    keys.cancelChannel,
    keys.record('j'),
    keys.stream('j'),
    keys.wake('j'),
    keys.attemptErrors('j'),
    keys.quarantine('j'),
    keys.reply('a'),
    keys.idempotency('o', 'k'),
    keys.worker('w'),
    keys.bullJob('q', 'j'),
  ];

  for (const key of all) expect(key).toMatch(/^\{mine\}:/);
  expect(new Set(all).size).toBe(all.length);
});

test('each pool has a queue of its own', () => {
  expect(inferenceQueue('large')).toBe('inference.large');
});
