import { failure } from '@llm-engine/contracts';
import type { JobEvent } from '@llm-engine/contracts';
import { describe, expect, test } from 'vitest';
import { createLogger } from './logger.ts';
import { createMetrics } from './metrics.ts';
import { observeJobs } from './observe-jobs.ts';
import type { ObserveJobsOptions } from './observe-jobs.ts';

const ref = {
  jobId: 'job-1',
  kind: 'inference',
  queue: 'inference.default',
  model: 'm',
  endpoint: '/v1/chat/completions',
} as const;
const error = failure('rate_limited', 'The model server has too much to do.');
const usage = { promptTokens: 10, completionTokens: 20, totalTokens: 30 };

function observed(options: ObserveJobsOptions = { executorOf: () => 'vllm' }) {
  const lines: Record<string, unknown>[] = [];
  const destination = { write: (line: string) => void lines.push(JSON.parse(line)) };
  const metrics = createMetrics({ service: 'worker', version: '1' });
  const onEvent = observeJobs(metrics, createLogger({ service: 'worker', destination }), options);
  const counted = async (): Promise<string[]> => {
    const text = (await metrics.text()).split('\n');
    return text.filter((line) => /^(llm_engine_(job|worker|executor)|gen_ai)/.test(line) && !/_bucket| 0$/.test(line));
  };
  return { lines, onEvent, counted };
}

const of = 'queue="inference.default",kind="inference"';
const gen = 'gen_ai_operation_name="chat",gen_ai_provider_name="vllm",gen_ai_request_model="m"';

describe('each transition is one log line, and counted', () => {
  test.each<[JobEvent, object, string[]]>([
    [
      { type: 'enqueued', ...ref, priority: 'bulk', delayMs: 500 },
      { level: 'info', msg: 'job enqueued', priority: 'bulk', delayMs: 500 },
      [`llm_engine_jobs_enqueued_total{${of}} 1`],
    ],
    [
      { type: 'started', ...ref, attempt: 1, run: 1, waitMs: 1_500 },
      { level: 'info', msg: 'job started', attempt: 1, waitMs: 1_500 },
      [`llm_engine_job_wait_duration_seconds_sum{${of}} 1.5`, `llm_engine_job_wait_duration_seconds_count{${of}} 1`],
    ],
    [
      { type: 'started', ...ref, attempt: 1, run: 2, waitMs: 9_000 },
      { level: 'info', msg: 'job started', run: 2 },
      // Only the first start tells how long the job waited.
      [],
    ],
    [
      {
        type: 'completed',
        ...ref,
        attempt: 2,
        timings: { waitMs: 10, runMs: 2_000, firstChunkMs: 250 },
        e2eMs: 3_000,
        usage,
      },
      { level: 'info', msg: 'job completed', attempt: 2, runMs: 2_000, e2eMs: 3_000, completionTokens: 20 },
      [
        `llm_engine_jobs_processed_total{${of},outcome="completed"} 1`,
        `llm_engine_job_attempts_total{${of},outcome="completed"} 1`,
        `llm_engine_job_run_duration_seconds_sum{${of}} 2`,
        `llm_engine_job_run_duration_seconds_count{${of}} 1`,
        `llm_engine_job_e2e_duration_seconds_sum{${of}} 3`,
        `llm_engine_job_e2e_duration_seconds_count{${of}} 1`,
        'llm_engine_executor_requests_total{executor="vllm",outcome="completed"} 1',
        `gen_ai_client_operation_duration_seconds_sum{${gen}} 2`,
        `gen_ai_client_operation_duration_seconds_count{${gen}} 1`,
        `gen_ai_client_operation_time_to_first_chunk_seconds_sum{${gen}} 0.25`,
        `gen_ai_client_operation_time_to_first_chunk_seconds_count{${gen}} 1`,
        `gen_ai_client_inference_usage_input_tokens_total{${gen}} 10`,
        `gen_ai_client_inference_usage_output_tokens_total{${gen}} 20`,
      ],
    ],
    [
      { type: 'retrying', ...ref, attempt: 1, error, delayMs: 800, runMs: 100 },
      { level: 'warn', msg: 'job will be tried again', errorType: 'rate_limited', delayMs: 800, reason: error.message },
      [
        `llm_engine_job_attempts_total{${of},outcome="retried"} 1`,
        `llm_engine_job_errors_total{${of},error_type="rate_limited"} 1`,
        `llm_engine_job_run_duration_seconds_sum{${of}} 0.1`,
        `llm_engine_job_run_duration_seconds_count{${of}} 1`,
        'llm_engine_executor_requests_total{executor="vllm",outcome="failed"} 1',
        'llm_engine_executor_throttled_total{executor="vllm",reason="rate_limited"} 1',
        `gen_ai_client_operation_duration_seconds_sum{${gen},error_type="rate_limited"} 0.1`,
        `gen_ai_client_operation_duration_seconds_count{${gen},error_type="rate_limited"} 1`,
      ],
    ],
    [
      { type: 'failed', ...ref, attempt: 3, error: failure('timeout', 'Too slow.'), runMs: 100, e2eMs: 1_000 },
      { level: 'error', msg: 'job failed', attempt: 3, errorType: 'timeout', e2eMs: 1_000 },
      [
        `llm_engine_jobs_processed_total{${of},outcome="failed"} 1`,
        `llm_engine_jobs_dead_lettered_total{${of}} 1`,
        `llm_engine_job_attempts_total{${of},outcome="failed"} 1`,
        `llm_engine_job_errors_total{${of},error_type="timeout"} 1`,
        `llm_engine_job_run_duration_seconds_sum{${of}} 0.1`,
        `llm_engine_job_run_duration_seconds_count{${of}} 1`,
        `llm_engine_job_e2e_duration_seconds_sum{${of}} 1`,
        `llm_engine_job_e2e_duration_seconds_count{${of}} 1`,
        'llm_engine_executor_requests_total{executor="vllm",outcome="failed"} 1',
        `gen_ai_client_operation_duration_seconds_sum{${gen},error_type="timeout"} 0.1`,
        `gen_ai_client_operation_duration_seconds_count{${gen},error_type="timeout"} 1`,
      ],
    ],
    [
      { type: 'cancelled', ...ref, runMs: 100, e2eMs: 1_000 },
      { level: 'info', msg: 'job cancelled', runMs: 100 },
      [
        `llm_engine_jobs_processed_total{${of},outcome="cancelled"} 1`,
        `llm_engine_job_attempts_total{${of},outcome="cancelled"} 1`,
        `llm_engine_job_run_duration_seconds_sum{${of}} 0.1`,
        `llm_engine_job_run_duration_seconds_count{${of}} 1`,
        `llm_engine_job_e2e_duration_seconds_sum{${of}} 1`,
        `llm_engine_job_e2e_duration_seconds_count{${of}} 1`,
        'llm_engine_executor_requests_total{executor="vllm",outcome="cancelled"} 1',
      ],
    ],
    [
      { type: 'handed-over', ...ref, reason: 'shutdown', runMs: 100 },
      { level: 'info', msg: 'job handed over', reason: 'shutdown' },
      [
        `llm_engine_job_attempts_total{${of},outcome="handed_over"} 1`,
        `llm_engine_job_run_duration_seconds_sum{${of}} 0.1`,
        `llm_engine_job_run_duration_seconds_count{${of}} 1`,
      ],
    ],
    [
      { type: 'lease-lost', ...ref, runMs: 100 },
      { level: 'warn', msg: expect.stringContaining('lost its lock') },
      [
        `llm_engine_job_attempts_total{${of},outcome="lease_lost"} 1`,
        `llm_engine_job_run_duration_seconds_sum{${of}} 0.1`,
        `llm_engine_job_run_duration_seconds_count{${of}} 1`,
        'llm_engine_worker_lock_renewal_failures_total{queue="inference.default"} 1',
      ],
    ],
  ])('$type', async (event, line, counts) => {
    const { lines, onEvent, counted } = observed();

    onEvent(event);

    expect(lines).toEqual([expect.objectContaining({ ...line, jobId: 'job-1', model: 'm', queue: ref.queue })]);
    expect((await counted()).toSorted()).toEqual(counts.toSorted());
  });

  test('a job that was left by its worker', async () => {
    const { lines, onEvent, counted } = observed();

    onEvent({ type: 'stalled', jobId: 'job-1', queue: ref.queue });

    expect(lines).toEqual([expect.objectContaining({ level: 'warn', jobId: 'job-1' })]);
    expect(await counted()).toEqual(['llm_engine_jobs_stalled_total{queue="inference.default"} 1']);
  });

  test('a submission that was refused', async () => {
    const { lines, onEvent, counted } = observed();

    onEvent({ type: 'rejected', kind: 'unknown', reason: 'too_large' });

    expect(lines).toEqual([expect.objectContaining({ level: 'warn', reason: 'too_large' })]);
    expect(await counted()).toEqual(['llm_engine_jobs_rejected_total{kind="unknown",reason="too_large"} 1']);
  });
});

test('a fine-tune is counted as a job and not as a call of a model', async () => {
  const { onEvent, counted } = observed();
  const fineTune = { jobId: 'job-2', kind: 'fine-tune', queue: 'fine-tune', model: 'm' } as const;

  onEvent({ type: 'completed', ...fineTune, attempt: 1, timings: { waitMs: 0, runMs: 1 }, e2eMs: 1 });

  const lines = await counted();
  expect(lines).toContain('llm_engine_jobs_processed_total{queue="fine-tune",kind="fine-tune",outcome="completed"} 1');
  expect(lines.filter((line) => line.startsWith('gen_ai'))).toEqual([]);
});

test('where no executor is known for a model, calls are counted as _OTHER and no executor is made up', async () => {
  const { onEvent, counted } = observed({});

  onEvent({ type: 'completed', ...ref, attempt: 1, timings: { waitMs: 0, runMs: 1 }, e2eMs: 1 });

  const lines = (await counted()).join('\n');
  expect(lines).toContain('gen_ai_provider_name="_OTHER"');
  expect(lines).not.toContain('executor');
});

test('a trouble that repeats itself is logged once in ten seconds, with how often it was left out', () => {
  let now = 0;
  const { lines, onEvent } = observed({ now: () => now });
  const trouble = (message: string): JobEvent => ({ type: 'trouble', source: 'redis', error: new Error(message) });

  for (now = 0; now < 10_000; now += 1_000) onEvent(trouble('connect ECONNREFUSED'));
  onEvent(trouble('another'));
  onEvent(trouble('connect ECONNREFUSED'));

  expect(lines.map(({ err, unsaid }) => [(err as Error).message, unsaid])).toEqual([
    ['connect ECONNREFUSED', undefined],
    ['another', undefined],
    ['connect ECONNREFUSED', 9],
  ]);
});

test('an event that cannot be observed is logged, and does not disturb the one who tells of it', () => {
  const { lines, onEvent } = observed({
    executorOf: () => {
      throw new Error('no such model');
    },
  });

  onEvent({ type: 'cancelled', ...ref, runMs: 1, e2eMs: 1 });

  expect(lines).toEqual([
    expect.objectContaining({
      level: 'error',
      event: 'cancelled',
      err: expect.objectContaining({ message: 'no such model' }),
    }),
  ]);
});
