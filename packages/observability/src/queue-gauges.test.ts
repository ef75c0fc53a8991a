import { expect, test, vi } from 'vitest';
import { createMetrics } from './metrics.ts';
import type { Metrics } from './metrics.ts';
import type { EngineReading, QueueGaugesOptions, QueueReading } from './queue-gauges.ts';

function reading(...queues: Partial<QueueReading>[]): EngineReading {
  return {
    queues: queues.map((queue) => ({
      queue: 'inference.default',
      counts: { waiting: 0, prioritized: 0, active: 0, delayed: 0, failed: 0, completed: 0 },
      paused: false,
      oldestWaitingSeconds: 0,
      ...queue,
    })),
    workers: [],
  };
}

function watching(read: QueueGaugesOptions['read'], options: Partial<QueueGaugesOptions> = {}): Metrics {
  const metrics = createMetrics({ service: 'monitor', version: '1' });
  metrics.watchQueues({ read, waitSloSeconds: () => 60, freshMs: 0, ...options });
  return metrics;
}

async function gauges(metrics: Metrics): Promise<string[]> {
  return (await metrics.text()).split('\n').filter((line) => /^llm_engine_(queue|redis|collector)/.test(line));
}

test('a queue is shown by its counts, its oldest job, its pause and its objective', async () => {
  const counts = { waiting: 1, prioritized: 2, active: 3, delayed: 4, failed: 5, completed: 6 };
  const metrics = watching(async () => reading({ counts, paused: true, oldestWaitingSeconds: 12.5 }));

  const lines = await gauges(metrics);

  const of = 'queue="inference.default"';
  expect(lines).toEqual(
    expect.arrayContaining([
      ...Object.entries(counts).map(([state, count]) => `llm_engine_queue_jobs{${of},state="${state}"} ${count}`),
      `llm_engine_queue_oldest_waiting_age_seconds{${of}} 12.5`,
      `llm_engine_queue_paused{${of}} 1`,
      `llm_engine_queue_wait_slo_seconds{${of}} 60`,
      'llm_engine_redis_up 1',
    ]),
  );
});

test('only workers that live and take jobs count for the queues that they serve', async () => {
  const queues = [{ queue: 'inference.default', slots: 1, busy: 0, jobs: [] }];
  const metrics = watching(async () => ({
    ...reading({}, { queue: 'fine-tune' }),
    workers: [
      { alive: true, draining: false, queues },
      { alive: false, draining: false, queues },
      { alive: true, draining: true, queues },
    ],
  }));

  const lines = await gauges(metrics);

  expect(lines).toContain('llm_engine_queue_workers{queue="inference.default"} 1');
  expect(lines).toContain('llm_engine_queue_workers{queue="fine-tune"} 0');
});

test('a queue that is gone is no longer shown', async () => {
  const read = vi.fn<QueueGaugesOptions['read']>();
  read
    .mockResolvedValueOnce(reading({ queue: 'inference.old' }))
    .mockResolvedValueOnce(reading({ queue: 'inference.new' }));
  const metrics = watching(read);

  const before = await gauges(metrics);
  const after = await gauges(metrics);

  expect(before.join('\n')).toContain('inference.old');
  expect(after.join('\n')).not.toContain('inference.old');
  expect(after.join('\n')).toContain('inference.new');
});

test('without Redis no queue is shown, redis_up is 0 and the error is counted, until it is back', async () => {
  let now = 1_000_000;
  const onTrouble = vi.fn<(error: Error) => void>();
  const read = vi.fn<QueueGaugesOptions['read']>(async () => reading({}));
  const metrics = watching(read, { onTrouble, now: () => now });

  await gauges(metrics);
  now += 1_000;
  read.mockRejectedValueOnce(new Error('Redis gave no answer.'));
  const down = await gauges(metrics);
  now += 1_000;
  const up = await gauges(metrics);

  expect(down.filter((line) => line.startsWith('llm_engine_queue_'))).toEqual([]);
  expect(down).toContain('llm_engine_redis_up 0');
  expect(down).toContain('llm_engine_collector_errors_total 1');
  expect(down).toContain('llm_engine_collector_last_success_timestamp_seconds 1000');
  expect(onTrouble).toHaveBeenCalledExactlyOnceWith(new Error('Redis gave no answer.'));
  expect(up).toContain('llm_engine_redis_up 1');
  expect(up).toContain('llm_engine_collector_last_success_timestamp_seconds 1002');
  expect(up.filter((line) => line.startsWith('llm_engine_queue_jobs'))).toHaveLength(6);
});

test('a reading serves scrapes for five seconds', async () => {
  let now = 0;
  const read = vi.fn<QueueGaugesOptions['read']>(async () => reading({}));
  const metrics = createMetrics({ service: 'monitor', version: '1' });
  metrics.watchQueues({ read, waitSloSeconds: () => 60, now: () => now });

  await metrics.text();
  now = 4_999;
  await metrics.text();
  const readBefore = read.mock.calls.length;
  now = 5_000;
  await metrics.text();

  expect(readBefore).toBe(1);
  expect(read).toHaveBeenCalledTimes(2);
});

test('scrapes that come together share one reading', async () => {
  const { promise, resolve } = Promise.withResolvers<EngineReading>();
  const read = vi.fn<QueueGaugesOptions['read']>(() => promise);
  const metrics = watching(read);

  const scrapes = [metrics.text(), metrics.text(), metrics.text()];
  resolve(reading({}));
  await Promise.all(scrapes);

  expect(read).toHaveBeenCalledTimes(1);
});

test('a reading that failed is tried again at the next scrape', async () => {
  const read = vi.fn<QueueGaugesOptions['read']>(() => Promise.reject(new Error('down')));
  const metrics = watching(read, { freshMs: 60_000 });

  await metrics.text();
  await metrics.text();

  expect(read).toHaveBeenCalledTimes(2);
});
