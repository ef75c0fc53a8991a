import { expect, test } from 'vitest';
import { whyNotAlive } from './liveness.ts';

const NOW = 1_000_000;

interface Situation {
  readonly redisReady?: boolean;
  readonly quietMs?: number;
  readonly jobs?: readonly string[];
  readonly waiting?: number;
}

/** A consumer of two slots. */
function verdictOn({ redisReady = true, quietMs = 180_000, jobs = [], waiting = 0 }: Situation) {
  const asked: string[] = [];
  const verdict = whyNotAlive({
    connection: { ready: redisReady },
    consumers: [{ queue: 'q', slots: 2, jobs, lastProgressAt: NOW - quietMs }],
    waiting: async (queue) => {
      asked.push(queue);
      return waiting;
    },
    now: () => NOW,
  });
  return { verdict, asked };
}

test('a worker that has nothing to do is alive, however long', async () => {
  expect(await verdictOn({ waiting: 0 }).verdict).toBeUndefined();
});

test('a worker that makes progress is alive, and Redis is not even asked', async () => {
  const { verdict, asked } = verdictOn({ quietMs: 119_000, jobs: ['a'], waiting: 5 });

  expect(await verdict).toBeUndefined();
  expect(asked).toEqual([]);
});

test('a worker whose jobs run without their locks being renewed is stuck', async () => {
  expect(await verdictOn({ jobs: ['a'] }).verdict).toBe('q: 1 jobs run, and no lock was renewed for 180 s');
});

test('a worker that takes none of the jobs that wait is stuck', async () => {
  expect(await verdictOn({ waiting: 3 }).verdict).toBe('q: jobs wait, and none was taken for 180 s');
});

test('a worker that cannot reach Redis is not restarted for that', async () => {
  expect(await verdictOn({ redisReady: false, jobs: ['a'], waiting: 3 }).verdict).toBeUndefined();
});

test('one stuck queue of several is enough', async () => {
  const verdict = await whyNotAlive({
    connection: { ready: true },
    consumers: [
      { queue: 'busy', slots: 2, jobs: ['a'], lastProgressAt: NOW },
      { queue: 'stuck', slots: 2, jobs: [], lastProgressAt: NOW - 200_000 },
    ],
    waiting: async () => 1,
    now: () => NOW,
  });

  expect(verdict).toContain('stuck: ');
});
