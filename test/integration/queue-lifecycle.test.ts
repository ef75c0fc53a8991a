import { expect, test } from 'vitest';
import { failure } from '@llm-engine/contracts';
import type { Outcome } from '@llm-engine/contracts';
import { ANSWER, TestEngine, aborted, chat } from '../support/engine.ts';

test('a job is queued, runs, and ends succeeded with its result', async () => {
  await using engine = await TestEngine.start();
  const handle = await engine.producer.submit(chat('Hi', { metadata: { from: 'test' } }));
  const queued = await handle.status();

  await engine.consume(async () => ({
    kind: 'completed',
    result: { answer: 42 },
    usage: { promptTokens: 3, completionTokens: 1, totalTokens: 4 },
    finishReason: 'stop',
  }));
  const record = await handle.result();

  expect(queued).toMatchObject({
    state: 'queued',
    attempts: 0,
    maxAttempts: 3,
    model: 'm',
    metadata: { from: 'test' },
  });
  expect(record).toMatchObject({
    id: handle.id,
    state: 'succeeded',
    result: { answer: 42 },
    attempts: 1,
    usage: { totalTokens: 4 },
    finishReason: 'stop',
  });
  expect(await handle.status()).toEqual(record);
});

test('a result that is waited for before, and one after the end, are the same', async () => {
  await using engine = await TestEngine.start();
  await engine.consume(async () => ANSWER);

  const running = await engine.producer.run(chat());
  const later = await engine.producer.job(running.id).result();

  expect(running.state).toBe('succeeded');
  expect(later).toEqual(running);
});

test('many jobs are added in the order given, and each is run once', async () => {
  await using engine = await TestEngine.start();
  const seen: string[] = [];
  const handles = await engine.producer.submitMany(Array.from({ length: 2_500 }, (_, index) => chat(String(index))));

  await engine.consume(
    async (lease) => {
      seen.push(lease.id);
      return ANSWER;
    },
    { concurrency: 50 },
  );
  await Promise.all(handles.map((handle) => handle.result()));

  expect(seen.toSorted()).toEqual(handles.map(({ id }) => id).toSorted());
  expect(new Set(seen).size).toBe(2_500);
});

test('urgent classes go first, and inside a class the order of submission holds', async () => {
  await using engine = await TestEngine.start();
  const order: unknown[] = [];
  for (const [priority, name] of [
    ['bulk', 'b1'],
    ['standard', 's1'],
    ['interactive', 'i1'],
    ['bulk', 'b2'],
    ['interactive', 'i2'],
    ['standard', 's2'],
  ] as const) {
    await engine.producer.submit(chat(name, { priority, metadata: { name } }));
  }

  await engine.consume(
    async (lease) => {
      order.push(lease.payload.metadata?.['name']);
      return ANSWER;
    },
    { concurrency: 1 },
  );
  await engine.event(() => engine.count('completed') === 6);

  expect(order).toEqual(['i1', 'i2', 's1', 's2', 'b1', 'b2']);
});

test('a delayed job is scheduled until it is due', async () => {
  await using engine = await TestEngine.start();
  await engine.consume(async () => ANSWER);

  const handle = await engine.producer.submit(chat('later', { delayMs: 300 }));
  const before = await handle.status();
  const record = await handle.result();

  expect(before.state).toBe('scheduled');
  expect(before.scheduledFor).toBe(before.createdAt + 300);
  expect(record.finishedAt - record.createdAt).toBeGreaterThanOrEqual(300);
  expect(record.timings?.waitMs).toBeLessThan(300);
});

test('a retryable failure is tried again, with the errors of the attempts kept', async () => {
  await using engine = await TestEngine.start();
  await engine.consume(async (lease) =>
    lease.attempt < 3 ? { kind: 'failed', failure: failure('overloaded', `no ${lease.attempt}`) } : ANSWER,
  );

  const record = await engine.producer.run(chat());

  expect(record).toMatchObject({ state: 'succeeded', attempts: 3 });
  expect(engine.count('retrying')).toBe(2);
});

test('after the last attempt the job is a dead letter with all its errors', async () => {
  await using engine = await TestEngine.start();
  await engine.consume(async (lease) => ({ kind: 'failed', failure: failure('timeout', `slow ${lease.attempt}`) }));

  const record = await engine.producer.run(chat('x', { maxAttempts: 2 }));

  expect(record).toMatchObject({ state: 'failed', attempts: 2, error: { class: 'timeout', message: 'slow 2' } });
  expect(record.attemptErrors?.map(({ error }) => error.message)).toEqual(['slow 1', 'slow 2']);
  await engine.event(({ type }) => type === 'failed');
  const page = await engine.inspector.jobs({ state: 'failed' });
  expect(page.jobs.map(({ id }) => id)).toEqual([record.id]);
});

test('a final failure is not tried again', async () => {
  await using engine = await TestEngine.start();
  await engine.consume(async () => ({ kind: 'failed', failure: failure('bad_request', 'no such role') }));

  const record = await engine.producer.run(chat('x', { maxAttempts: 5 }));

  expect(record).toMatchObject({ state: 'failed', attempts: 1, error: { class: 'bad_request', status: 400 } });
});

test("a model server's Retry-After is waited for", async () => {
  await using engine = await TestEngine.start();
  const starts: number[] = [];
  await engine.consume(async (lease) => {
    starts.push(Date.now());
    return lease.attempt === 1
      ? { kind: 'failed', failure: failure('rate_limited', 'slow down', { retryAfterMs: 400 }) }
      : ANSWER;
  });

  await engine.producer.run(chat());

  expect((starts[1] ?? 0) - (starts[0] ?? 0)).toBeGreaterThanOrEqual(400);
});

test('a defect in the worker fails the job and says so', async () => {
  await using engine = await TestEngine.start();
  await engine.consume(async () => {
    throw new TypeError('undefined is not a function');
  });

  const record = await engine.producer.run(chat());

  expect(record).toMatchObject({ state: 'failed', error: { class: 'internal' } });
  expect(engine.events.some((event) => event.type === 'trouble' && event.error.message.includes('undefined'))).toBe(
    true,
  );
});

test('a dead letter is tried again as a new job, once, however often it is asked', async () => {
  await using engine = await TestEngine.start();
  let healthy = false;
  await engine.consume(async () =>
    healthy ? ANSWER : { kind: 'failed', failure: failure('unauthorized', 'wrong key') },
  );
  const failed = await engine.producer.run(chat());
  await engine.event(({ type }) => type === 'failed');
  healthy = true;

  const [first, second] = await Promise.all([engine.inspector.retry(failed.id), engine.inspector.retry(failed.id)]);
  const record = await first.result();

  expect(second.id).toBe(first.id);
  expect(record).toMatchObject({ state: 'succeeded', retryOf: failed.id });
  expect((await engine.producer.job(failed.id).status()).state).toBe('failed');
  expect(engine.count('completed')).toBe(1);
});

test('all dead letters of one error are tried again, and no others', async () => {
  await using engine = await TestEngine.start();
  let healthy = false;
  await engine.consume(async (lease) => {
    if (healthy) return ANSWER;
    const wrongKey = lease.payload.metadata?.['kind'] === 'key';
    return { kind: 'failed', failure: failure(wrongKey ? 'unauthorized' : 'bad_request', 'no') };
  });
  for (const kind of ['key', 'body', 'key']) await engine.producer.run(chat(kind, { metadata: { kind } }));
  await engine.event(() => engine.count('failed') === 3);
  healthy = true;

  const retried = await engine.inspector.retryAll({ code: 'upstream_unauthorized' });
  await engine.event(() => engine.count('completed') === 2);

  expect(retried).toBe(2);
  expect((await engine.inspector.jobs({ state: 'failed' })).jobs).toHaveLength(1);
});

test('only a failed job can be tried again', async () => {
  await using engine = await TestEngine.start();
  const handle = await engine.producer.submit(chat());

  await expect(engine.inspector.retry(handle.id)).rejects.toMatchObject({ code: 'job_not_retryable' });
});

test('jobs are listed newest first, by pages, with filters', async () => {
  await using engine = await TestEngine.start();
  const handles = await engine.producer.submitMany(Array.from({ length: 5 }, (_, index) => chat(String(index))));
  const newestFirst = handles.map(({ id }) => id).toReversed();

  const first = await engine.inspector.jobs({ limit: 2 });
  const second = await engine.inspector.jobs({ limit: 3, after: first.jobs.at(-1)?.id ?? '' });

  expect([...first.jobs, ...second.jobs].map(({ id }) => id)).toEqual(newestFirst);
  expect([first.hasMore, second.hasMore]).toEqual([true, false]);
  expect((await engine.inspector.jobs({ state: 'running' })).jobs).toEqual([]);
  expect((await engine.inspector.jobs({ state: 'queued', model: 'm', kind: 'inference' })).jobs).toHaveLength(5);
  expect((await engine.inspector.jobs({ model: 'other' })).jobs).toEqual([]);
});

test('a run outlives its caller: who stops waiting does not stop the job', async () => {
  await using engine = await TestEngine.start();
  const release = Promise.withResolvers<void>();
  await engine.consume(async () => {
    await release.promise;
    return ANSWER;
  });
  const handle = await engine.producer.submit(chat());

  await expect(handle.result({ timeoutMs: 20 })).rejects.toMatchObject({ code: 'wait_timeout' });
  const controller = new AbortController();
  const waiting = handle.result({ signal: controller.signal });
  controller.abort(new Error('gone'));
  await expect(waiting).rejects.toThrow('gone');
  release.resolve();

  expect((await handle.result()).state).toBe('succeeded');
});

test('a job that is not known is said to be not found', async () => {
  await using engine = await TestEngine.start();

  await expect(engine.producer.job('job_nonsense').status()).rejects.toMatchObject({ code: 'job_not_found' });
  await expect(engine.producer.job('job_00000000000000000000000000ff').status()).rejects.toMatchObject({
    code: 'job_not_found',
  });
});

test('a worker that stops hands its jobs over, and no attempt is used', async () => {
  await using engine = await TestEngine.start();
  const stopped = await engine.consume(async (lease) => {
    await aborted(lease.signal);
    return { kind: 'handed-over', reason: 'shutdown', delayMs: 10 };
  });
  const handle = await engine.producer.submit(chat('x', { maxAttempts: 1 }));
  await engine.event(({ type }) => type === 'started');

  await stopped.close();
  await engine.consume(async () => ANSWER);

  expect(await handle.result()).toMatchObject({ state: 'succeeded', attempts: 1 });
  expect(engine.count('handed-over')).toBe(1);
});

test('a run that does not stop when its worker does is left behind, and another worker runs the job', async () => {
  await using engine = await TestEngine.start();
  const deaf = Promise.withResolvers<Outcome>();
  const stopped = await engine.consume(() => deaf.promise, { lockMs: 1_000 });
  const handle = await engine.producer.submit(chat());
  await engine.event(({ type }) => type === 'started');

  await stopped.close();
  await engine.consume(async () => ANSWER, { lockMs: 1_000 });
  const record = await handle.result();
  deaf.resolve({ kind: 'completed', result: 'of a run that was left behind' });

  expect(record).toMatchObject({ state: 'succeeded', attempts: 1, result: { ok: true } });
  expect(
    engine.events.some(
      (event) => event.type === 'trouble' && event.error.message.includes(`jobs that still ran: ${handle.id}`),
    ),
  ).toBe(true);
});
