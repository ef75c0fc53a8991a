import { failure } from '@llm-engine/contracts';
import type { Outcome } from '@llm-engine/contracts';
import { beat } from '@llm-engine/queue';
import { expect, test } from 'vitest';
import { ANSWER, TestEngine, aborted, chat } from '../support/engine.ts';
import { monitorOf, scrape, workerStatus } from '../support/monitor.ts';
import { valueOf } from '../support/prometheus-text.ts';

const QUEUE = { queue: 'inference.default' };
const REFUSED: Outcome = { kind: 'failed', failure: failure('bad_request', 'No.') };
const HANDED_OVER: Outcome = { kind: 'handed-over', reason: 'shutdown', delayMs: 0 };

/** One job completed, one failed, one running, three waiting and two delayed. */
async function busyEngine(): Promise<TestEngine> {
  const engine = await TestEngine.start();
  const [completed, failed, running] = [chat('completes'), chat('fails'), chat('runs')];
  const handles = await engine.producer.submitMany([completed, failed, running]);
  const runningId = handles[2]?.id;
  await engine.consume(
    async ({ id, signal }) => {
      if (id === handles[0]?.id) return ANSWER;
      if (id === handles[1]?.id) return REFUSED;
      await aborted(signal);
      return HANDED_OVER;
    },
    { concurrency: 1 },
  );
  // One slot: that the third has started says that the others have ended.
  await engine.event((event) => event.type === 'started' && event.jobId === runningId);
  await engine.producer.submitMany([
    ...['interactive', 'standard', 'bulk'].map((priority) => chat(priority, { priority: priority as 'bulk' })),
    ...[1, 2].map((n) => chat(`later ${n}`, { delayMs: 60_000 })),
  ]);
  return engine;
}

test('the gauges of a queue are what lies in Redis', async () => {
  await using engine = await busyEngine();
  await using monitor = await monitorOf(engine, { waitSloSeconds: () => 45 });
  await beat(engine.connection, workerStatus());

  const metrics = await scrape(monitor);

  const jobs = metrics.get('llm_engine_queue_jobs')?.samples ?? [];
  expect(Object.fromEntries(jobs.map(({ labels, value }) => [labels['state'], value]))).toEqual({
    waiting: 0,
    prioritized: 3,
    active: 1,
    delayed: 2,
    failed: 1,
    completed: 1,
  });
  expect(valueOf(metrics, 'llm_engine_queue_paused', QUEUE)).toBe(0);
  expect(valueOf(metrics, 'llm_engine_queue_workers', QUEUE)).toBe(1);
  expect(valueOf(metrics, 'llm_engine_queue_wait_slo_seconds', QUEUE)).toBe(45);
  expect(valueOf(metrics, 'llm_engine_redis_up')).toBe(1);
  expect(valueOf(metrics, 'llm_engine_collector_errors_total')).toBe(0);
  expect(valueOf(metrics, 'llm_engine_collector_last_success_timestamp_seconds')).toBeCloseTo(Date.now() / 1_000, -1);
});

test('the age of the oldest waiting job is that of the one which has been due longest, whatever its priority', async () => {
  await using engine = await TestEngine.start();
  await using monitor = await monitorOf(engine);
  const { redis, keys } = engine.connection;
  const urgent = await engine.producer.submit(chat('urgent', { priority: 'interactive' }));
  const oldest = await engine.producer.submit(chat('oldest', { priority: 'bulk' }));
  const from = Date.now();
  await redis.hset(keys.bullJob(QUEUE.queue, urgent.id), 'timestamp', from - 20_000);
  await redis.hset(keys.bullJob(QUEUE.queue, oldest.id), 'timestamp', from - 90_000);

  const metrics = await scrape(monitor);

  const age = valueOf(metrics, 'llm_engine_queue_oldest_waiting_age_seconds', QUEUE) ?? NaN;
  expect(age).toBeGreaterThanOrEqual(90);
  expect(age).toBeLessThanOrEqual(90 + (Date.now() - from) / 1_000);
});

test('a queue that is paused says so', async () => {
  await using engine = await TestEngine.start();
  await engine.producer.submit(chat());
  await engine.connection.queue(QUEUE.queue).pause();
  await using monitor = await monitorOf(engine);

  const metrics = await scrape(monitor);

  expect(valueOf(metrics, 'llm_engine_queue_paused', QUEUE)).toBe(1);
});

test('the page is valid, says how the process does, and is served as Prometheus text', async () => {
  await using engine = await busyEngine();
  await using monitor = await monitorOf(engine);

  const answer = await fetch(`${monitor.url}/metrics`);
  const metrics = await scrape(monitor);

  expect(answer.status).toBe(200);
  expect(answer.headers.get('content-type')).toMatch(/^text\/plain; version=0\.0\.4/);
  expect(metrics.get('llm_engine_build_info')?.samples).toEqual([
    expect.objectContaining({ labels: expect.objectContaining({ service: 'monitor' }), value: 1 }),
  ]);
  expect(metrics.has('process_resident_memory_bytes')).toBe(true);
});

test('two monitors of an engine export the same gauges, and a monitor of another engine none of them', async () => {
  await using engine = await busyEngine();
  await using other = await TestEngine.start();
  await using first = await monitorOf(engine);
  await using second = await monitorOf(engine);
  await using stranger = await monitorOf(other);

  const [one, two, none] = await Promise.all([scrape(first), scrape(second), scrape(stranger)]);

  for (const name of ['llm_engine_queue_jobs', 'llm_engine_queue_paused', 'llm_engine_queue_workers']) {
    expect(one.get(name)?.samples.length).toBeGreaterThan(0);
    expect(two.get(name)?.samples).toEqual(one.get(name)?.samples);
    expect(none.get(name)?.samples).toEqual([]);
  }
});
