import { beat } from '@llm-engine/queue';
import { expect, test } from 'vitest';
import { TestEngine, chat } from '../support/engine.ts';
import { monitorOf, workerStatus } from '../support/monitor.ts';

async function json(url: string): Promise<unknown> {
  return (await fetch(url)).json();
}

test('queues are listed with their counts, their oldest job and their workers', async () => {
  await using engine = await TestEngine.start();
  await using monitor = await monitorOf(engine);
  await engine.producer.submit(chat());
  await beat(engine.connection, workerStatus());
  await beat(engine.connection, workerStatus({ id: 'stopping', draining: true }));

  const queues = await json(`${monitor.url}/api/queues`);

  expect(queues).toEqual({
    object: 'list',
    data: [
      {
        object: 'queue',
        name: 'inference.default',
        counts: { waiting: 0, prioritized: 1, active: 0, delayed: 0, failed: 0, completed: 0 },
        paused: false,
        oldest_waiting_seconds: expect.any(Number),
        wait_slo_seconds: 60,
        workers: 1,
      },
    ],
  });
});

test('workers are listed with what they do, the dead ones as dead', async () => {
  await using engine = await TestEngine.start();
  await using monitor = await monitorOf(engine);
  const alive = workerStatus();
  await beat(engine.connection, alive);
  await beat(engine.connection, workerStatus({ id: 'worker-2', beatAt: Date.now() - 60_000 }));

  const workers = await json(`${monitor.url}/api/workers`);

  expect(workers).toEqual({
    object: 'list',
    data: expect.arrayContaining([
      {
        object: 'worker',
        id: 'worker-1',
        host: 'node-1',
        pid: 1234,
        version: '0.1.0',
        alive: true,
        draining: false,
        pools: ['default'],
        queues: [{ queue: 'inference.default', slots: 8, busy: 1, jobs: ['job-1'] }],
        executors: [{ name: 'scripted', status: 'pass', slots: 8, slots_in_use: 1 }],
        memory_bytes: 100_000_000,
        event_loop_lag_ms: 2,
        started_at: Math.floor(alive.startedAt / 1_000),
        last_beat_at: Math.floor(alive.beatAt / 1_000),
      },
      expect.objectContaining({ id: 'worker-2', alive: false }),
    ]),
  });
});
