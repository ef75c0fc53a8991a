import { FAILURES, REJECT_REASONS } from '@llm-engine/contracts';
import { expect, test } from 'vitest';
import { createMetrics } from './metrics.ts';
import type { Metrics } from './metrics.ts';

const queue = { queue: 'inference.default', kind: 'inference' } as const;
const call = { endpoint: '/v1/chat/completions', provider: 'vllm', model: 'm' } as const;

function newMetrics(): Metrics {
  return createMetrics({ service: 'worker', version: '1.2.3' });
}

/** Samples by what stands before the value. */
async function samples(metrics: Metrics): Promise<Map<string, number>> {
  const lines = (await metrics.text()).split('\n').filter((line) => line !== '' && !line.startsWith('#'));
  return new Map(
    lines.map((line) => [line.slice(0, line.lastIndexOf(' ')), Number(line.slice(line.lastIndexOf(' ') + 1))]),
  );
}

async function families(metrics: Metrics): Promise<Map<string, string>> {
  const lines = (await metrics.text()).split('\n').filter((line) => line.startsWith('# TYPE '));
  return new Map(lines.map((line) => [line.split(' ')[2] ?? '', line.split(' ')[3] ?? '']));
}

test('every service says what it is and how its process does', async () => {
  const found = await samples(newMetrics());

  expect(found.get(`llm_engine_build_info{service="worker",version="1.2.3",node_version="${process.version}"}`)).toBe(
    1,
  );
  expect(found.has('process_resident_memory_bytes')).toBe(true);
  expect([...found.keys()].some((name) => name.startsWith('nodejs_eventloop_lag'))).toBe(true);
});

test('two services in one process do not share a metric', async () => {
  const one = newMetrics();
  const other = newMetrics();

  one.jobs.enqueued(queue);
  other.jobs.expect(queue);

  const name = 'llm_engine_jobs_enqueued_total{queue="inference.default",kind="inference"}';
  expect((await samples(one)).get(name)).toBe(1);
  expect((await samples(other)).get(name)).toBe(0);
});

test('metrics have the documented names and types', async () => {
  const metrics = newMetrics();
  metrics.jobs.expect(queue);
  metrics.genAi.answered(call, { total: 1 });
  metrics.watchWorker(() => ({ pools: [], queues: [], executors: [], beatAt: 0 }));
  metrics.watchQueues({ read: async () => ({ queues: [], workers: [] }), waitSloSeconds: () => 60 });

  const own = [...(await families(metrics))].filter(([name]) => /^(llm_engine|gen_ai)_/.test(name));

  expect(Object.fromEntries(own)).toEqual({
    llm_engine_build_info: 'gauge',
    llm_engine_jobs_enqueued_total: 'counter',
    llm_engine_jobs_rejected_total: 'counter',
    llm_engine_jobs_processed_total: 'counter',
    llm_engine_job_attempts_total: 'counter',
    llm_engine_job_errors_total: 'counter',
    llm_engine_job_wait_duration_seconds: 'histogram',
    llm_engine_job_run_duration_seconds: 'histogram',
    llm_engine_job_e2e_duration_seconds: 'histogram',
    llm_engine_jobs_stalled_total: 'counter',
    llm_engine_jobs_dead_lettered_total: 'counter',
    llm_engine_worker_lock_renewal_failures_total: 'counter',
    llm_engine_worker_slots: 'gauge',
    llm_engine_worker_slots_in_use: 'gauge',
    llm_engine_worker_last_heartbeat_timestamp_seconds: 'gauge',
    llm_engine_executor_up: 'gauge',
    llm_engine_executor_slots: 'gauge',
    llm_engine_executor_slots_in_use: 'gauge',
    llm_engine_executor_requests_total: 'counter',
    llm_engine_executor_throttled_total: 'counter',
    gen_ai_client_operation_duration_seconds: 'histogram',
    gen_ai_client_operation_time_to_first_chunk_seconds: 'histogram',
    gen_ai_client_operation_time_per_output_chunk_seconds: 'histogram',
    gen_ai_client_inference_usage_input_tokens_total: 'counter',
    gen_ai_client_inference_usage_output_tokens_total: 'counter',
    llm_engine_queue_jobs: 'gauge',
    llm_engine_queue_oldest_waiting_age_seconds: 'gauge',
    llm_engine_queue_paused: 'gauge',
    llm_engine_queue_workers: 'gauge',
    llm_engine_queue_wait_slo_seconds: 'gauge',
    llm_engine_redis_up: 'gauge',
    llm_engine_collector_last_success_timestamp_seconds: 'gauge',
    llm_engine_collector_errors_total: 'counter',
  });
});

test('a part that a service does not use is not on its page', async () => {
  const metrics = newMetrics();
  metrics.jobs.enqueued(queue);

  const found = [...(await families(metrics)).keys()];

  expect(found).toContain('llm_engine_jobs_enqueued_total');
  expect(found.filter((name) => /executor|queue_jobs|gen_ai|worker_slots/.test(name))).toEqual([]);
});

test('counters of an expected queue start at 0, for every outcome and every class of error', async () => {
  const metrics = newMetrics();

  metrics.jobs.expect(queue);

  const found = await samples(metrics);
  const labels = 'queue="inference.default",kind="inference"';
  for (const type of [...Object.keys(FAILURES), '_OTHER']) {
    expect(found.get(`llm_engine_job_errors_total{${labels},error_type="${type}"}`)).toBe(0);
  }
  for (const outcome of ['completed', 'failed', 'cancelled']) {
    expect(found.get(`llm_engine_jobs_processed_total{${labels},outcome="${outcome}"}`)).toBe(0);
  }
  expect(found.get(`llm_engine_jobs_dead_lettered_total{${labels}}`)).toBe(0);
  expect(found.get(`llm_engine_job_e2e_duration_seconds_count{${labels}}`)).toBe(0);
  for (const reason of REJECT_REASONS) {
    expect(found.get(`llm_engine_jobs_rejected_total{kind="unknown",reason="${reason}"}`)).toBe(0);
  }
});

test('a class of error that is not known counts as _OTHER', async () => {
  const metrics = newMetrics();

  metrics.jobs.erred(queue, JSON.parse('"class of a newer version"'));
  metrics.jobs.erred(queue, JSON.parse('"toString"'));

  const labels = 'queue="inference.default",kind="inference"';
  expect((await samples(metrics)).get(`llm_engine_job_errors_total{${labels},error_type="_OTHER"}`)).toBe(2);
});

test('job durations have buckets from 50 ms to 6 hours', async () => {
  const metrics = newMetrics();

  metrics.jobs.waited(queue, 5 * 3_600_000);

  const found = await samples(metrics);
  const bucket = (le: string): string =>
    `llm_engine_job_wait_duration_seconds_bucket{le="${le}",queue="inference.default",kind="inference"}`;
  expect(found.get(bucket('0.05'))).toBe(0);
  expect(found.get(bucket('7200'))).toBe(0);
  expect(found.get(bucket('21600'))).toBe(1);
});

test('models beyond the hundredth share one label', async () => {
  const metrics = newMetrics();

  for (let i = 0; i < 150; i += 1) metrics.genAi.answered({ ...call, model: `model-${i}` }, { total: 1 });
  metrics.genAi.answered({ ...call, model: 'model-0' }, { total: 1 });

  const found = await samples(metrics);
  const count = (model: string): number | undefined =>
    found.get(
      'gen_ai_client_operation_duration_seconds_count{gen_ai_operation_name="chat",gen_ai_provider_name="vllm",' +
        `gen_ai_request_model="${model}"}`,
    );
  expect(count('model-0')).toBe(2);
  expect(count('model-99')).toBe(1);
  expect(count('model-100')).toBeUndefined();
  expect(count('_OTHER')).toBe(50);
});

test('the time between chunks is counted', async () => {
  const metrics = newMetrics();

  metrics.genAi.chunk(call, 0.02);

  const sums = [...(await samples(metrics))].filter(([name]) => name.includes('per_output_chunk_seconds_sum'));
  expect(sums.map(([, value]) => value)).toEqual([0.02]);
});

test('a worker shows its slots, heartbeat and executors as they are at the scrape, and forgets what is gone', async () => {
  const metrics = newMetrics();
  const status = {
    pools: ['default'],
    queues: [{ queue: 'inference.default', slots: 8, busy: 3, jobs: [] }],
    executors: [{ executor: 'vllm', status: 'warn', slots: 16, slotsInUse: 3 }],
    beatAt: 1_700_000_000_000,
  } as const;
  let now: Parameters<Metrics['watchWorker']>[0] = () => status;
  metrics.watchWorker(() => now());

  const before = await samples(metrics);
  now = () => ({ ...status, queues: [], executors: [{ executor: 'ollama', status: 'fail', slots: 1, slotsInUse: 0 }] });
  const after = await samples(metrics);

  expect(before.get('llm_engine_worker_slots{queue="inference.default"}')).toBe(8);
  expect(before.get('llm_engine_worker_slots_in_use{queue="inference.default"}')).toBe(3);
  expect(before.get('llm_engine_worker_last_heartbeat_timestamp_seconds{pool="default"}')).toBe(1_700_000_000);
  expect(before.get('llm_engine_executor_up{executor="vllm"}')).toBe(1);
  expect(before.get('llm_engine_executor_slots_in_use{executor="vllm"}')).toBe(3);
  expect(before.get('llm_engine_executor_requests_total{executor="vllm",outcome="failed"}')).toBe(0);
  expect(after.has('llm_engine_worker_slots{queue="inference.default"}')).toBe(false);
  expect(after.has('llm_engine_executor_up{executor="vllm"}')).toBe(false);
  expect(after.get('llm_engine_executor_up{executor="ollama"}')).toBe(0);
});

test('a worker shows the limits of its endpoints as they are at the scrape', async () => {
  const metrics = newMetrics();
  const endpoint = { executor: 'openai', endpoint: 'gpu-1:8000', limit: 32, inUse: 30, paused: false };
  let refused = 2;
  metrics.watchLimits(() => ({
    endpoints: [{ ...endpoint, decreases: { refused, timeout: 0, slow: 1 } }],
    waiting: [{ executor: 'openai', waiting: { interactive: 0, standard: 4, bulk: 500 } }],
  }));

  await metrics.text();
  refused = 3;
  const found = await samples(metrics);

  const labels = 'executor="openai",endpoint="gpu-1:8000"';
  expect(found.get(`llm_engine_endpoint_limit{${labels}}`)).toBe(32);
  expect(found.get(`llm_engine_endpoint_in_use{${labels}}`)).toBe(30);
  expect(found.get(`llm_engine_endpoint_paused{${labels}}`)).toBe(0);
  expect(found.get(`llm_engine_endpoint_limit_decreases_total{${labels},reason="refused"}`)).toBe(3);
  expect(found.get('llm_engine_executor_waiting{executor="openai",priority="bulk"}')).toBe(500);
});

test('a value that is not a number is spelled as the format has it', async () => {
  const metrics = newMetrics();
  metrics.watchWorker(() => ({ pools: ['default'], queues: [], executors: [], beatAt: NaN }));

  const lines = (await metrics.text()).split('\n');

  expect(lines).toContain('llm_engine_worker_last_heartbeat_timestamp_seconds{pool="default"} NaN');
});

test('metrics come as objects too', async () => {
  const metrics = newMetrics();
  metrics.jobs.enqueued(queue);

  const found = await metrics.json();

  expect(found).toContainEqual(expect.objectContaining({ name: 'llm_engine_jobs_enqueued_total', type: 'counter' }));
  expect(metrics.contentType).toMatch(/^text\/plain; version=0\.0\.4/);
});
