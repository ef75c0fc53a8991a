import { failure } from '@llm-engine/contracts';
import type { Group, JobSubmission, Outcome } from '@llm-engine/contracts';
import type { Lease } from '@llm-engine/queue';
import { expect, test } from 'vitest';
import { aborted, chat, modelInfo } from '../support/engine.ts';
import { OWNER, TestGroups } from '../support/groups.ts';

const UNKNOWN = 'group_0mabcdef0000123456789abcdef0';

function contentOf({ payload }: Lease): string {
  if (payload.kind !== 'inference') return '';
  return (payload.body['messages'] as { content: string }[])[0]?.content ?? '';
}

/** Answers with the number that the message is; a message that is none is refused. */
function answerNumbers(lease: Lease): Promise<Outcome> {
  const loss = Number(contentOf(lease));
  if (Number.isNaN(loss)) return Promise.resolve({ kind: 'failed', failure: failure('bad_request', 'No number.') });
  const usage = { promptTokens: 2, completionTokens: 3, totalTokens: 5 };
  return Promise.resolve({ kind: 'completed', result: { metrics: { loss } }, usage });
}

function chats(...contents: readonly string[]): JobSubmission[] {
  return contents.map((content) => chat(content));
}

test('a group has the counts, the tokens and the best result of its jobs', async () => {
  await using engine = await TestGroups.start();
  await engine.engine.consume(answerNumbers);
  const metric = { name: 'metrics.loss', goal: 'min' } as const;

  const made = await engine.groups.create(OWNER, {
    jobs: chats('0.3', '0.1', 'x', '0.2'),
    metric,
    metadata: { a: 'b' },
  });
  const ended = await engine.ended(made.id);
  const { data } = await engine.groups.jobs(OWNER, made.id);

  expect(made).toMatchObject({ state: 'running', metadata: { a: 'b' }, metric, counts: { total: 4 } });
  expect(ended).toMatchObject({
    state: 'completed',
    counts: { total: 4, queued: 0, scheduled: 0, running: 0, succeeded: 3, failed: 1, cancelled: 0 },
    usage: { promptTokens: 6, completionTokens: 9, totalTokens: 15 },
    best: { index: 1, value: 0.1, jobId: data[1]?.id },
  });
  expect(data.map((job) => [job.state, 'result' in job ? job.result : job.error?.class])).toEqual([
    ['succeeded', { metrics: { loss: 0.3 } }],
    ['succeeded', { metrics: { loss: 0.1 } }],
    ['failed', 'bad_request'],
    ['succeeded', { metrics: { loss: 0.2 } }],
  ]);
  expect(await engine.eventsOf(made.id)).toEqual(['group.completed']);
});

test('the best result is the highest where that is the goal, and of equal ones the first', async () => {
  await using engine = await TestGroups.start();
  await engine.engine.consume(answerNumbers);
  const metric = { name: 'metrics.loss', goal: 'max' };

  const { id } = await engine.groups.create(OWNER, { jobs: chats('1', '7', '7', '-9'), metric });
  const { best } = await engine.ended(id);

  expect(best).toMatchObject({ index: 1, value: 7 });
});

test('a group whose results do not have its metric has no best one', async () => {
  await using engine = await TestGroups.start();
  await engine.engine.consume(answerNumbers);

  const { id } = await engine.groups.create(OWNER, { jobs: chats('1'), metric: { name: 'accuracy', goal: 'max' } });
  const ended = await engine.ended(id);

  expect(ended.state).toBe('completed');
  expect(ended.best).toBeUndefined();
});

test('a group says where its jobs are while they run', async () => {
  await using engine = await TestGroups.start();
  await engine.engine.consume(
    async ({ signal }) => {
      await aborted(signal);
      return { kind: 'cancelled' };
    },
    { concurrency: 2 },
  );

  const jobs = [...chats('a', 'b', 'c'), chat('later', { delayMs: 3_600_000 })];
  const { id } = await engine.groups.create(OWNER, { jobs });
  const running = await engine.until(id, ({ counts }) => counts.running === 2);

  expect(running.counts).toEqual({
    total: 4,
    queued: 1,
    scheduled: 1,
    running: 2,
    succeeded: 0,
    failed: 0,
    cancelled: 0,
  });
});

test('its priority is that of the jobs that have none of their own', async () => {
  await using engine = await TestGroups.start();

  const jobs = [chat('a'), chat('b', { priority: 'interactive' })];
  const { id } = await engine.groups.create(OWNER, { jobs, priority: 'bulk' });
  const { data } = await engine.groups.jobs(OWNER, id);

  expect(data.map(({ priority }) => priority)).toEqual(['bulk', 'interactive']);
});

test('fine-tunes and inference jobs are members side by side', async () => {
  await using engine = await TestGroups.start();
  await engine.engine.consume(answerNumbers);
  await engine.engine.consume(answerNumbers, { queue: 'fine-tune' });

  const jobs = [chat('1'), { kind: 'fine-tune', model: 'm', dataset: '/data/train.jsonl' }];
  const { id } = await engine.groups.create(OWNER, { jobs });
  await engine.ended(id);
  const { data } = await engine.groups.jobs(OWNER, id);

  expect(data.map(({ kind, state }) => [kind, state])).toEqual([
    ['inference', 'succeeded'],
    ['fine-tune', 'succeeded'],
  ]);
});

test.each([
  ['a job that is wrong', { jobs: [chat(), { kind: 'inference' }] }, 'invalid_request', /^Job 1: /],
  [
    'a model that nobody runs',
    { jobs: [chat(), chat('a', { body: { model: 'x', messages: [] } })] },
    'invalid_request',
    /^Job 1: /,
  ],
  [
    'another model than there is',
    { jobs: [chat(), chat('a', { body: { model: 'x', messages: [{ role: 'user', content: 'a' }] } })] },
    'model_not_found',
    /^Job 1: .*'x'/,
  ],
  [
    'a job with a key of its own',
    { jobs: [chat('a', { idempotencyKey: 'k' })] },
    'invalid_request',
    /Job 0.*idempotencyKey/,
  ],
  ['no jobs', { jobs: [] }, 'invalid_request', /jobs/],
  [
    'a metric that is no path',
    { jobs: [chat()], metric: { name: 'a..b', goal: 'min' } },
    'invalid_request',
    /metric\.name/,
  ],
  ['a field that there is not', { jobs: [chat()], metrics: {} }, 'invalid_request', /metrics/],
])('a group with %s is refused, and nothing of it is kept', async (_what, request, code, message) => {
  await using engine = await TestGroups.start();

  const refused = engine.groups.create(OWNER, request);

  await expect(refused).rejects.toMatchObject({ code, message: expect.stringMatching(message) });
  expect(await engine.groups.list(OWNER)).toEqual({ data: [], hasMore: false });
  expect(engine.engine.count('enqueued')).toBe(0);
});

test('more jobs than a group takes are refused', async () => {
  await using engine = await TestGroups.start();

  const refused = engine.groups.create(OWNER, { jobs: Array.from({ length: 10_001 }, () => chat()) });

  await expect(refused).rejects.toMatchObject({ code: 'invalid_request', param: 'jobs' });
});

test('a group that is cancelled stops the jobs that run, and keeps what has ended', async () => {
  await using engine = await TestGroups.start();
  const stopped: string[] = [];
  await engine.engine.consume(
    async (lease) => {
      if (contentOf(lease) !== 'hang') return answerNumbers(lease);
      await aborted(lease.signal);
      stopped.push(lease.id);
      return { kind: 'cancelled' };
    },
    { concurrency: 1 },
  );
  const { id } = await engine.groups.create(OWNER, { jobs: chats('1', 'hang', '2', '3') });
  await engine.until(id, ({ counts }) => counts.succeeded === 1 && counts.running === 1);

  const cancelled = await engine.groups.cancel(OWNER, id);

  expect(cancelled).toMatchObject({
    state: 'cancelled',
    counts: { succeeded: 1, cancelled: 3, queued: 0, running: 0 },
  });
  await expect.poll(() => stopped).toHaveLength(1);
  expect(await engine.eventsOf(id)).toEqual(['group.cancelled']);
  await expect(engine.groups.cancel(OWNER, id)).rejects.toMatchObject({ code: 'group_already_finished' });
});

test('what failed or was cancelled is tried again as a new group, once', async () => {
  await using engine = await TestGroups.start();
  const metric = { name: 'metrics.loss', goal: 'min' } as const;
  const first = await engine.groups.create(OWNER, { jobs: chats('1', '2', '3'), metric, metadata: { sweep: 'a' } });
  await expect(engine.groups.retry(OWNER, first.id)).rejects.toMatchObject({ code: 'group_not_finished' });
  let healthy = false;
  await engine.engine.consume((lease) =>
    healthy || contentOf(lease) === '1'
      ? answerNumbers(lease)
      : Promise.resolve({ kind: 'failed', failure: failure('bad_request', 'Not yet.') }),
  );
  await engine.ended(first.id);
  healthy = true;

  const again = await engine.groups.retry(OWNER, first.id);
  const sameAgain = await engine.groups.retry(OWNER, first.id);
  const ended = await engine.ended(again.id);

  expect(sameAgain.id).toBe(again.id);
  expect(ended).toMatchObject({
    retryOf: first.id,
    metadata: { sweep: 'a' },
    counts: { total: 2, succeeded: 2 },
    best: { value: 2 },
  });
  await expect(engine.groups.retry(OWNER, again.id)).rejects.toMatchObject({ code: 'group_not_retryable' });
});

test('the same request with the same key is the same group, and another one is a conflict', async () => {
  await using engine = await TestGroups.start();
  const request = { jobs: chats('1', '2') };
  const withKey = { idempotencyKey: 'sweep' };

  const groups = await Promise.all([1, 2, 3].map(() => engine.groups.create(OWNER, request, withKey)));
  const later = await engine.groups.create(OWNER, request, withKey);
  const other = engine.groups.create(OWNER, { jobs: chats('1') }, withKey);

  expect(new Set([...groups, later].map(({ id }) => id)).size).toBe(1);
  await expect(other).rejects.toMatchObject({ code: 'idempotency_conflict' });
  const { jobs } = await engine.engine.inspector.jobs();
  expect(jobs).toHaveLength(2);
});

test('groups are listed newest first, page by page, with their counts', async () => {
  await using engine = await TestGroups.start();
  const made: Group[] = [];
  for (const count of [1, 2, 3])
    made.push(await engine.groups.create(OWNER, { jobs: Array.from({ length: count }, () => chat()) }));
  await engine.groups.create('somebody else', { jobs: [chat()] });

  const first = await engine.groups.list(OWNER, { limit: 2 });
  const second = await engine.groups.list(OWNER, { limit: 2, after: first.data.at(-1)?.id });

  expect([first.hasMore, second.hasMore]).toEqual([true, false]);
  expect([...first.data, ...second.data].map(({ id, counts }) => [id, counts.queued])).toEqual([
    [made[2]?.id, 3],
    [made[1]?.id, 2],
    [made[0]?.id, 1],
  ]);
});

test('jobs of a group are listed in their order, page by page', async () => {
  await using engine = await TestGroups.start();
  const { id } = await engine.groups.create(OWNER, { jobs: chats('0', '1', '2', '3', '4') });
  const ids = await engine.groups.jobIds(OWNER, id);

  const first = await engine.groups.jobs(OWNER, id, { limit: 3 });
  const second = await engine.groups.jobs(OWNER, id, { limit: 3, after: first.data.at(-1)?.id });

  expect([first.hasMore, second.hasMore]).toEqual([true, false]);
  expect([...first.data, ...second.data].map((job) => job.id)).toEqual(ids);
});

test.each(['nonsense', 'group_\u0000', UNKNOWN])('there is no group %j', async (id) => {
  await using engine = await TestGroups.start();

  for (const ask of ['get', 'jobs', 'cancel', 'retry'] as const) {
    await expect(engine.groups[ask](OWNER, id)).rejects.toMatchObject({ code: 'group_not_found' });
  }
});

test("somebody else's group is not there", async () => {
  await using engine = await TestGroups.start();
  const { id } = await engine.groups.create(OWNER, { jobs: [chat()] });

  await expect(engine.groups.get('somebody else', id)).rejects.toMatchObject({ code: 'group_not_found' });
});

test('text that a database may not like is kept as it came', async () => {
  await using engine = await TestGroups.start({ models: [modelInfo('m')] });
  const odd = 'zero \u0000, half a pair \ud800, a path \\u0000';
  await engine.engine.consume((lease) => Promise.resolve({ kind: 'completed', result: { echo: contentOf(lease) } }));

  const { id } = await engine.groups.create(OWNER, { jobs: chats(odd), metadata: { note: odd } });
  const ended = await engine.ended(id);
  const { data } = await engine.groups.jobs(OWNER, id);

  expect(ended).toMatchObject({ state: 'completed', metadata: { note: odd } });
  expect(data).toMatchObject([{ result: { echo: odd } }]);
});
