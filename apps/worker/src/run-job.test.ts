import { FailureError, failure } from '@llm-engine/contracts';
import type { StopReason } from '@llm-engine/contracts';
import { describe, expect, test } from 'vitest';
import { Quarantine } from './quarantine.ts';
import { runJob } from './run-job.ts';
import { FakeLease, fineTune, inference } from './testing/fake-lease.ts';
import { runEvent, toolsWith, untilAborted } from './testing/scripted-executor.ts';

const ANSWER = { kind: 'completed', result: { ok: true } } as const;
const answering = { infer: () => Promise.resolve(ANSWER) };

test('a job that is answered is completed with the answer', async () => {
  const asked: unknown[] = [];
  const lease = new FakeLease();

  const outcome = await runJob(
    lease,
    toolsWith({
      infer: async (request) => {
        asked.push(request);
        return ANSWER;
      },
    }),
  );

  expect(outcome).toEqual(ANSWER);
  expect(asked).toEqual([
    {
      jobId: 'job-1',
      endpoint: '/v1/chat/completions',
      body: { model: 'm', messages: [{ role: 'user', content: 'Hi' }] },
      priority: 'standard',
    },
  ]);
});

test('chunks of a job that streams go out as they come, with the time between them', async () => {
  const lease = new FakeLease({ payload: inference({ body: { model: 'm', stream: true } }) });
  const gaps: number[] = [];

  const outcome = await runJob(
    lease,
    toolsWith(
      {
        infer: async (_request, { onChunk }) => {
          for (const chunk of ['a', 'b', 'c']) onChunk?.(chunk);
          return ANSWER;
        },
      },
      { onChunkGap: (_ref, seconds) => gaps.push(seconds) },
    ),
  );

  expect(outcome.kind).toBe('completed');
  expect(lease.chunks).toEqual(['a', 'b', 'c']);
  expect(gaps).toHaveLength(2);
});

test('a job that does not stream asks for no chunks', async () => {
  let wanted: unknown;

  await runJob(
    new FakeLease(),
    toolsWith({
      infer: async (_request, { onChunk }) => {
        wanted = onChunk;
        return ANSWER;
      },
    }),
  );

  expect(wanted).toBeUndefined();
});

test('a failure that the executor understands is the failure of the attempt', async () => {
  const cause = failure('rate_limited', 'slow down', { retryAfterMs: 5 });

  const outcome = await runJob(new FakeLease(), toolsWith({ infer: () => Promise.reject(new FailureError(cause)) }));

  expect(outcome).toEqual({ kind: 'failed', failure: cause });
});

test('an error that nobody understands is a defect, and is thrown', async () => {
  const running = runJob(new FakeLease(), toolsWith({ infer: () => Promise.reject(new TypeError('defect')) }));

  await expect(running).rejects.toThrow('defect');
});

test('a job that had ended before is not run', async () => {
  const outcome = await runJob(new FakeLease({ ended: 'cancelled' }), toolsWith({}));

  expect(outcome).toEqual({ kind: 'ended-before' });
});

test('a model that no executor has any more is worth another attempt', async () => {
  const lease = new FakeLease({ payload: inference({ body: { model: 'gone' } }) });

  const outcome = await runJob(lease, toolsWith(answering));

  expect(outcome).toMatchObject({
    kind: 'failed',
    failure: { class: 'overloaded', code: 'model_unavailable', message: expect.stringContaining("'gone'") },
  });
});

describe('a run that is told to stop', () => {
  test.for<[reason: StopReason, outcome: object]>([
    ['cancelled', { kind: 'cancelled' }],
    ['shutdown', { kind: 'handed-over', reason: 'shutdown', delayMs: 100 }],
    ['lock-lost', { kind: 'lease-lost' }],
    ['timeout', { kind: 'failed', failure: { class: 'timeout' } }],
  ])('because of %s ends accordingly', async ([reason, outcome]) => {
    const lease = new FakeLease();
    const running = runJob(lease, toolsWith({ infer: (_request, { signal }) => untilAborted(signal) }));

    lease.stop(reason);

    expect(await running).toMatchObject(outcome);
  });

  test('before it has begun asks no model', async () => {
    const lease = new FakeLease();
    lease.stop('cancelled');

    const outcome = await runJob(lease, toolsWith({}));

    expect(outcome).toEqual({ kind: 'cancelled' });
  });

  test('after its answer has come keeps the answer', async () => {
    const lease = new FakeLease();

    const outcome = await runJob(
      lease,
      toolsWith({
        infer: async () => {
          lease.stop('shutdown');
          return ANSWER;
        },
      }),
    );

    expect(outcome).toEqual(ANSWER);
  });

  test('is stopped, not failed, whatever its executor makes of the abort', async () => {
    const lease = new FakeLease();
    const infer = async (): Promise<never> => {
      lease.stop('cancelled');
      throw new FailureError(failure('connection', 'socket closed'));
    };

    expect(await runJob(lease, toolsWith({ infer }))).toEqual({ kind: 'cancelled' });
  });
});

describe('the limit on an attempt', () => {
  test("is the job's own, or that of its kind, and is lifted with the end of the run", async () => {
    const limits: number[][] = [];
    const infer = (lease: FakeLease) => async () => {
      limits.push([...lease.deadlines]);
      return ANSWER;
    };
    const own = new FakeLease({ payload: inference({ timeoutMs: 1_234 }) });
    const usual = new FakeLease();

    await runJob(own, toolsWith({ infer: infer(own) }));
    await runJob(usual, toolsWith({ infer: infer(usual) }));

    expect(limits).toEqual([[1_234], [600_000]]);
    expect([...own.deadlines, ...usual.deadlines]).toEqual([]);
  });

  test('is named to whoever reads the failure', async () => {
    const lease = new FakeLease({ payload: inference({ timeoutMs: 1_234 }) });
    lease.stop('timeout');

    const outcome = await runJob(lease, toolsWith({}));

    expect(outcome).toMatchObject({ failure: { class: 'timeout', message: expect.stringContaining('1234 ms') } });
  });

  test('ends a fine-tune for good, since its training was stopped', async () => {
    const lease = new FakeLease({ payload: fineTune() });
    const running = runJob(
      lease,
      toolsWith({
        fineTune: async () => 'run-1',
        async *watchJob(_id, { signal }) {
          yield runEvent(1);
          await untilAborted(signal);
        },
        cancelJob: () => Promise.resolve(),
      }),
    );

    lease.stop('timeout');

    expect(await running).toMatchObject({
      kind: 'failed',
      failure: { class: 'fine_tune_failed', code: 'timeout', status: 504 },
    });
  });
});

describe('a job whose worker has died under it', () => {
  test('once is run as any other', async () => {
    const lease = new FakeLease({ crashes: 1, deaths: 99 });

    expect(await runJob(lease, toolsWith(answering))).toEqual(ANSWER);
  });

  test('more often is run in quarantine, and leaves it when it has survived', async () => {
    const lease = new FakeLease({ crashes: 2 });
    let during = false;
    const infer = async () => {
      during = lease.inQuarantine;
      return ANSWER;
    };

    const outcome = await runJob(lease, toolsWith({ infer }));

    expect(outcome).toEqual(ANSWER);
    expect(during).toBe(true);
    expect(lease.inQuarantine).toBe(false);
  });

  test('leaves the quarantine also when the attempt fails', async () => {
    const lease = new FakeLease({ crashes: 2 });

    await runJob(lease, toolsWith({ infer: () => Promise.reject(new FailureError(failure('overloaded', 'no'))) }));

    expect(lease.inQuarantine).toBe(false);
  });

  test('waits its turn, no attempt used, while another suspect runs', async () => {
    const quarantine = new Quarantine();
    const first = new FakeLease({ id: 'first', crashes: 2 });
    const release = Promise.withResolvers<void>();
    const tools = toolsWith({ infer: () => release.promise.then(() => ANSWER) }, { quarantine });
    const running = runJob(first, tools);
    await Promise.resolve();

    const outcome = await runJob(new FakeLease({ id: 'second', crashes: 2 }), tools);
    release.resolve();
    await running;

    expect(outcome).toEqual({ kind: 'handed-over', reason: 'quarantine', delayMs: 500 });
  });

  test('twice alone is a dead letter, without another run', async () => {
    const lease = new FakeLease({ crashes: 4, deaths: 2 });

    const outcome = await runJob(lease, toolsWith({}));

    expect(outcome).toMatchObject({
      kind: 'failed',
      failure: { class: 'worker_crashed', message: expect.stringContaining('4 times') },
    });
    expect(lease.inQuarantine).toBe(false);
  });

  test('may be a fine-tune for long, since a training outlives its workers', async () => {
    const lease = new FakeLease({ payload: fineTune(), crashes: 19, deaths: 99 });

    const outcome = await runJob(
      lease,
      toolsWith({
        fineTune: async () => 'run-1',
        async *watchJob() {
          yield runEvent(1, { state: 'succeeded', fineTunedModel: 'ft:m' });
        },
      }),
    );

    expect(outcome.kind).toBe('completed');
  });
});
