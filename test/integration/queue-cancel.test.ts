import { expect, test } from 'vitest';
import { ANSWER, TestEngine, aborted, chat } from '../support/engine.ts';

test('a waiting job that is cancelled never runs', async () => {
  await using engine = await TestEngine.start();
  const handle = await engine.producer.submit(chat());

  const record = await handle.cancel();
  await engine.consume(async () => ANSWER);
  await engine.producer.run(chat());

  expect(record.state).toBe('cancelled');
  expect(await handle.status()).toMatchObject({ state: 'cancelled', attempts: 0 });
  expect(engine.events.filter(({ type }) => type === 'cancelled')).toMatchObject([{ jobId: handle.id, runMs: 0 }]);
  expect(engine.count('started')).toBe(1);
});

test('a running job that is cancelled is told to stop, and is not tried again', async () => {
  await using engine = await TestEngine.start();
  await engine.consume(async (lease) => {
    await aborted(lease.signal);
    return { kind: 'cancelled' };
  });
  const handle = await engine.producer.submit(chat());
  await engine.event(({ type }) => type === 'started');

  await handle.cancel();
  await engine.event(({ type }) => type === 'cancelled');

  expect((await handle.result()).state).toBe('cancelled');
  expect(engine.count('started')).toBe(1);
});

test('a cancellation whose message was lost is found by the worker itself', async () => {
  await using engine = await TestEngine.start();
  await engine.consume(async (lease) => {
    await aborted(lease.signal);
    return { kind: 'cancelled' };
  });
  const handle = await engine.producer.submit(chat());
  await engine.event(({ type }) => type === 'started');
  const job = await handle.status();
  const { redis, keys } = engine.connection;

  await redis.set(keys.record(handle.id), JSON.stringify({ ...job, state: 'cancelled', finishedAt: Date.now() }));

  expect(await engine.event(({ type }) => type === 'cancelled')).toMatchObject({ jobId: handle.id });
});

test('a job that finishes although it was cancelled stays cancelled', async () => {
  await using engine = await TestEngine.start();
  const release = Promise.withResolvers<void>();
  await engine.consume(async () => {
    await release.promise;
    return ANSWER;
  });
  const handle = await engine.producer.submit(chat());
  await engine.event(({ type }) => type === 'started');

  await handle.cancel();
  release.resolve();
  await engine.event(({ type }) => type === 'cancelled');

  expect((await handle.status()).state).toBe('cancelled');
  expect(engine.count('completed')).toBe(0);
});

test('a finished job cannot be cancelled', async () => {
  await using engine = await TestEngine.start();
  await engine.consume(async () => ANSWER);
  const { id } = await engine.producer.run(chat());

  await expect(engine.producer.job(id).cancel()).rejects.toMatchObject({ code: 'job_already_finished', status: 409 });
});

test('cancelled jobs are listed, whether they had run or not', async () => {
  await using engine = await TestEngine.start();
  const waiting = await engine.producer.submit(chat());
  await waiting.cancel();
  await engine.consume(async (lease) => {
    await aborted(lease.signal);
    return { kind: 'cancelled' };
  });
  const running = await engine.producer.submit(chat());
  await engine.event(({ type }) => type === 'started');
  await running.cancel();
  await engine.event(({ type }) => type === 'cancelled');

  const page = await engine.inspector.jobs({ state: 'cancelled' });

  expect(page.jobs.map(({ id }) => id)).toEqual([running.id, waiting.id]);
});

test('a scheduled job can be cancelled', async () => {
  await using engine = await TestEngine.start();
  const handle = await engine.producer.submit(chat('later', { delayMs: 60_000 }));

  await handle.cancel();

  expect((await handle.status()).state).toBe('cancelled');
  expect((await engine.inspector.queues()).map(({ counts }) => counts.delayed)).toEqual([0]);
});

test('who waits for the answer of a job hears at once that somebody else has cancelled it', async () => {
  await using engine = await TestEngine.start();
  const submitted = Promise.withResolvers<string>();
  const waiting = engine.producer.run(chat(), { onSubmitted: submitted.resolve, timeoutMs: 4_000 });

  await engine.inspector.cancel(await submitted.promise);

  expect((await waiting).state).toBe('cancelled');
});
