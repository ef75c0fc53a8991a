import type { ExecutorHealth } from '@llm-engine/contracts';
import { describe, expect, test } from 'vitest';
import { executorChecks } from './executor-checks.ts';
import { healthReport } from './report.ts';
import { readingFailed, workerChecks } from './worker-checks.ts';
import type { SeenWorker } from './worker-checks.ts';

const now = new Date('2026-01-02T03:04:05Z');

function worker(overrides: Partial<SeenWorker> = {}): SeenWorker {
  return {
    id: 'w1',
    host: 'node-1',
    pid: 1,
    version: '1',
    pools: ['default'],
    queues: [{ queue: 'inference.default', slots: 8, busy: 0, jobs: [] }],
    memoryBytes: 1,
    eventLoopLagMs: 1,
    draining: false,
    executors: [],
    startedAt: 0,
    beatAt: now.getTime() - 2_000,
    alive: true,
    ...overrides,
  };
}

function executor(overrides: Partial<ExecutorHealth> = {}): ExecutorHealth {
  return { executor: 'vllm', status: 'pass', slots: 8, slotsInUse: 0, ...overrides };
}

describe('workers', () => {
  test('a live worker passes, with the age of its heartbeat', () => {
    const checks = workerChecks([worker()], [{ queue: 'inference.default', waiting: 5 }], now);

    expect(checks).toMatchObject({
      'workers:running': [{ status: 'pass', observedValue: 1 }],
      'workers:heartbeat': [{ status: 'pass', componentId: 'w1', observedValue: 2, observedUnit: 's' }],
      'queues:workers': [{ status: 'pass', componentId: 'inference.default', observedValue: 1 }],
    });
  });

  test('a worker that went away without a word is a warning that names it and its machine', () => {
    const dead = worker({ id: 'w2', host: 'node-2', alive: false, beatAt: now.getTime() - 60_000 });

    const checks = workerChecks([worker(), dead], [], now);

    expect(checks['workers:running']).toMatchObject([{ status: 'pass', observedValue: 1 }]);
    expect(checks['workers:heartbeat']?.[1]).toMatchObject({
      status: 'warn',
      output: expect.stringMatching(/w2 on node-2 has not been heard of for 60 s/),
    });
  });

  test.each([
    ['there is none', []],
    ['all are dead', [worker({ alive: false })]],
    ['all are stopping', [worker({ draining: true })]],
  ])('a queue with jobs fails when %s', (_when, workers) => {
    const checks = workerChecks(workers, [{ queue: 'inference.default', waiting: 1 }], now);

    expect(checks['workers:running']).toMatchObject([{ status: 'warn', observedValue: 0 }]);
    expect(checks['queues:workers']).toMatchObject([
      { status: 'fail', output: '1 job waits in inference.default, which no worker serves. Start a worker for it.' },
    ]);
  });

  test('a queue that nobody serves fails only while jobs wait in it', () => {
    const queues = [
      { queue: 'inference.big', waiting: 3 },
      { queue: 'fine-tune', waiting: 0 },
    ];

    const checks = workerChecks([worker()], queues, now);

    expect(checks['queues:workers']).toMatchObject([
      { componentId: 'inference.big', status: 'fail', output: expect.stringMatching(/^3 jobs wait/) },
      { componentId: 'fine-tune', status: 'pass' },
    ]);
  });

  test('workers and queues that could not be read are one failed check', () => {
    const checks = readingFailed('Redis gave no answer in 3000 ms.', now);

    expect(checks['queues:reading']).toMatchObject([{ status: 'fail', output: expect.stringContaining('3000 ms') }]);
  });
});

describe('executors', () => {
  test.each([
    ['all workers can use', ['pass', 'pass'], 'pass', 2],
    ['one worker cannot use', ['pass', 'fail'], 'warn', 1],
    ['some worker has trouble with', ['pass', 'warn'], 'warn', 2],
    ['no worker can use', ['fail', 'fail'], 'fail', 0],
  ] as const)('an executor that %s', (_how, statuses, status, usable) => {
    const workers = statuses.map((status, index) => worker({ id: `w${index}`, executors: [executor({ status })] }));

    const checks = executorChecks(workers, now);

    expect(checks['executors:availability']).toMatchObject([{ componentId: 'vllm', status, observedValue: usable }]);
  });

  test('what workers say of an executor is passed on once', () => {
    const detail = 'http://models:8000 refuses connections. Start the model server.';
    const workers = ['w1', 'w2'].map((id) => worker({ id, executors: [executor({ status: 'fail', detail })] }));

    const checks = executorChecks(workers, now);

    expect(checks['executors:availability']?.[0]?.output).toBe(`0 of 2 workers can use the executor 'vllm'. ${detail}`);
  });

  test('only workers that live are heard', () => {
    const dead = worker({ alive: false, executors: [executor({ status: 'fail' })] });
    const alive = worker({ executors: [executor(), executor({ executor: 'ollama' })] });

    const checks = executorChecks([dead, alive], now);

    expect(checks['executors:availability']).toMatchObject([
      { componentId: 'ollama', status: 'pass' },
      { componentId: 'vllm', status: 'pass', observedValue: 1 },
    ]);
  });

  test('without workers nothing is said of executors', () => {
    expect(executorChecks([], now)).toEqual({});
  });
});

test('a report is as bad as its worst check, and names those that are not well', () => {
  const check = (status: 'pass' | 'warn' | 'fail') => [{ componentType: 'system' as const, status, time: '' }];
  const base = { serviceId: 'monitor', version: '1' };

  const well = healthReport({ ...base, checks: { a: check('pass') } });
  const warned = healthReport({ ...base, checks: { a: check('pass'), b: check('warn') } });
  const failed = healthReport({ ...base, checks: { a: check('fail'), b: check('warn') } });

  expect(well).toMatchObject({ status: 'pass', serviceId: 'monitor', version: '1', description: 'All is well.' });
  expect(warned).toMatchObject({ status: 'warn', description: 'Look at b: each says what to do.' });
  expect(failed).toMatchObject({ status: 'fail', description: 'Look at a, b: each says what to do.' });
});
