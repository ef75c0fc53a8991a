import { newId } from '@llm-engine/contracts';
import type { JobSubmission } from '@llm-engine/contracts';
import { MAINTENANCE_QUEUE, inferenceQueue } from '@llm-engine/queue';
import { EventTable } from '@llm-engine/storage';
import { expect, test } from 'vitest';
import { ANSWER, chat } from '../support/engine.ts';
import { OWNER, TestGroups } from '../support/groups.ts';
import { RedisServer } from '../support/redis-server.ts';

function chats(count: number): JobSubmission[] {
  return Array.from({ length: count }, (_, index) => chat(`job ${index}`));
}

/** The rows of a group whose producer died before it queued the jobs. Resolves with its id. */
async function unqueued(engine: TestGroups, submissions: readonly JobSubmission[]): Promise<string> {
  const createdAt = new Date();
  const id = newId('group_');
  const planned = await engine.jobs.plan(submissions, { owner: OWNER, createdAt });
  await engine.table.create({ id, owner: OWNER, createdAt }, planned);
  return id;
}

test('jobs whose producer died before it queued them are queued under their ids', async () => {
  await using engine = await TestGroups.start();
  const id = await unqueued(engine, chats(3));
  await engine.engine.consume(() => Promise.resolve(ANSWER));

  await engine.reconcile();
  const ended = await engine.ended(id);

  expect(ended.counts).toMatchObject({ total: 3, succeeded: 3 });
  const { jobs } = await engine.engine.inspector.jobs();
  expect(jobs.map((job) => job.id).toSorted()).toEqual(await engine.groups.jobIds(OWNER, id));
});

test('a delay counts from the submission, however late the job is queued', async () => {
  await using engine = await TestGroups.start();
  const id = await unqueued(engine, [chat('later', { delayMs: 3_600_000 })]);
  const { createdAt } = await engine.groups.get(OWNER, id);

  const { data } = await engine.groups.jobs(OWNER, id);

  expect(data).toMatchObject([{ state: 'scheduled', createdAt, scheduledFor: createdAt + 3_600_000 }]);
});

test('a group in the middle of which Redis is flushed completes by itself, and what had ended keeps its end', async () => {
  await using redis = await RedisServer.start();
  await using engine = await TestGroups.start({ redisUrl: redis.url });
  const runs: string[] = [];
  const gate = Promise.withResolvers<void>();
  await engine.engine.consume(
    async ({ id }) => {
      runs.push(id);
      if (runs.length > 4) await gate.promise;
      return { kind: 'completed', result: { run: runs.length } };
    },
    { concurrency: 2 },
  );
  const { id } = await engine.groups.create(OWNER, { jobs: chats(10) });
  await engine.until(id, ({ counts }) => counts.succeeded === 4 && counts.running === 2);
  const { data: before } = await engine.groups.jobs(OWNER, id);

  await engine.engine.connection.redis.flushall();
  gate.resolve();
  await engine.reconcile();
  const ended = await engine.ended(id);
  const { data: after } = await engine.groups.jobs(OWNER, id);

  expect(ended).toMatchObject({ state: 'completed', counts: { total: 10, succeeded: 10 } });
  const ends = before.filter(({ state }) => state === 'succeeded');
  expect(after.filter((job) => ends.some((end) => end.id === job.id))).toEqual(ends);
  // Only the two that ran while Redis was flushed may have run again.
  expect(runs.filter((run) => ends.some((end) => end.id === run))).toHaveLength(4);
  expect(runs.length).toBeLessThanOrEqual(12);
});

test('a group that is accepted while Redis goes away is queued when it is back', async () => {
  await using redis = await RedisServer.start('--appendonly', 'yes');
  await using engine = await TestGroups.start({ redisUrl: redis.url });
  await engine.engine.consume(() => Promise.resolve(ANSWER));
  // From now on the models are known.
  await engine.jobs.plan(chats(1), { owner: OWNER, createdAt: new Date() });
  await redis.kill();

  const made = await engine.groups.create(OWNER, { jobs: chats(2) });
  await redis.start();
  await engine.engine.connection.waitUntilReady();
  await engine.reconcile();
  const ended = await engine.ended(made.id);

  expect(made).toMatchObject({ state: 'running', counts: { total: 2, queued: 2 } });
  expect(ended.counts.succeeded).toBe(2);
});

test('while Redis is away groups that have not finished are unavailable, and those that have are not', async () => {
  await using redis = await RedisServer.start();
  await using engine = await TestGroups.start({ redisUrl: redis.url });
  const open = await engine.groups.create(OWNER, { jobs: [chat('later', { delayMs: 60_000 })] });
  const done = await engine.groups.create(OWNER, { jobs: [chat('later', { delayMs: 60_000 })] });
  await engine.groups.cancel(OWNER, done.id);
  await redis.kill();

  await expect(engine.groups.get(OWNER, open.id)).rejects.toMatchObject({ code: 'queue_unavailable' });
  await expect(engine.groups.get(OWNER, done.id)).resolves.toMatchObject({ state: 'cancelled' });
});

test('a cancellation that broke off is completed, also of jobs that were never queued', async () => {
  await using engine = await TestGroups.start();
  const queued = await engine.groups.create(OWNER, { jobs: chats(2) });
  const lost = await unqueued(engine, chats(2));
  for (const id of [queued.id, lost]) await engine.table.cancel(id, new Date());

  await engine.reconcile();

  for (const id of [queued.id, lost]) {
    expect(await engine.groups.get(OWNER, id)).toMatchObject({ state: 'cancelled', counts: { cancelled: 2 } });
  }
  // Whoever still wanted to queue them finds that they have ended.
  const planned = await engine.table.jobs(lost, { limit: 10 });
  await engine.jobs.add(planned);
  const queue = engine.engine.connection.queue(inferenceQueue('default'));
  expect(await queue.getJobCountByTypes('waiting', 'prioritized', 'delayed')).toBe(0);
});

test('a group ends once, however many look after it, and its end is told', async () => {
  await using engine = await TestGroups.start();
  await engine.engine.consume(() => Promise.resolve(ANSWER));
  const { id } = await engine.groups.create(OWNER, { jobs: chats(5) });
  const ids = await engine.groups.jobIds(OWNER, id);
  await Promise.all(ids.map((job) => engine.engine.producer.job(job).result()));

  await Promise.all([engine.reconcile(), engine.reconcile(), engine.groups.get(OWNER, id), engine.groups.list(OWNER)]);

  const events = await new EventTable(engine.database).of(id);
  expect(events.map(({ type }) => type)).toEqual(['group.completed']);
  const task = await engine.engine.connection.queue(MAINTENANCE_QUEUE).getJob(`deliver-${events[0]?.id}`);
  expect(task?.data).toEqual({ eventId: events[0]?.id });
});

test('results are kept when Redis has forgotten them', async () => {
  await using engine = await TestGroups.start();
  await engine.engine.consume(() => Promise.resolve(ANSWER));
  const { id } = await engine.groups.create(OWNER, { jobs: chats(2) });
  await engine.ended(id);
  const { redis, keys } = engine.engine.connection;
  const ids = await engine.groups.jobIds(OWNER, id);
  await redis.del(ids.map((job) => keys.record(job)));

  const { data } = await engine.groups.jobs(OWNER, id);

  expect(data).toMatchObject([{ result: { ok: true } }, { result: { ok: true } }]);
});

test('an end that is kept never changes', async () => {
  await using engine = await TestGroups.start();
  await engine.engine.consume(() => Promise.resolve(ANSWER));
  const { id } = await engine.groups.create(OWNER, { jobs: chats(1) });
  await engine.ended(id);
  const [kept] = await engine.table.jobs(id, { limit: 1 });
  if (kept?.record == null) throw new Error('the end is kept');

  await engine.table.end([{ record: { ...kept.record, state: 'failed', result: undefined }, score: 1 }]);

  expect(await engine.table.jobs(id, { limit: 1 })).toEqual([kept]);
});
