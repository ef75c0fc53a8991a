import { failure } from '@llm-engine/contracts';
import type { Outcome } from '@llm-engine/contracts';
import { expect, test } from 'vitest';
import { CHAT, TestProducer } from '../support/producer.ts';
import { TestStorage } from '../support/storage.ts';

const JOB = { kind: 'inference', endpoint: '/v1/chat/completions', body: CHAT };
const LATER = { ...JOB, delay_ms: 3_600_000 };
const UNKNOWN = 'group_0mabcdef0000123456789abcdef0';

interface WireGroup {
  readonly id: string;
  readonly state: string;
}

interface WirePage {
  readonly data: readonly { readonly id: string }[];
  readonly has_more: boolean;
  readonly last_id: string | null;
}

/** A producer in front of a storage of its own. */
async function scene(runJob?: () => Promise<Outcome>) {
  await using starting = new AsyncDisposableStack();
  const storage = starting.use(await TestStorage.create());
  const producer = starting.use(await TestProducer.start({ storage: storage.settings, ...(runJob && { runJob }) }));
  const create = async (body: object, headers: Record<string, string> = {}): Promise<WireGroup> => {
    const answer = await producer.post('/v1/groups', body, headers);
    expect(answer.status).toBe(202);
    return answer.body as WireGroup;
  };
  const ended = async ({ id }: WireGroup): Promise<unknown> => {
    for (;;) {
      const { body } = await producer.get(`/v1/groups/${id}`);
      if ((body as { finished_at: number | null }).finished_at !== null) return body;
    }
  };
  const resources = starting.move();
  return { producer, create, ended, [Symbol.asyncDispose]: () => resources.disposeAsync() };
}

test('a group is made, and has every field from the beginning', async () => {
  await using at = await scene();

  const answer = await at.producer.post('/v1/groups', {
    jobs: [JOB, LATER],
    priority: 'bulk',
    metadata: { sweep: 'a' },
    metric: { name: 'usage.total_tokens', goal: 'min' },
  });

  const { id } = answer.body as WireGroup;
  expect(answer.status).toBe(202);
  expect(answer.headers.get('location')).toBe(`/v1/groups/${id}`);
  expect(answer.body).toEqual({
    id: expect.stringMatching(/^group_\w{28}$/),
    object: 'group',
    state: 'running',
    counts: { total: 2, queued: 1, scheduled: 1, running: 0, succeeded: 0, failed: 0, cancelled: 0 },
    usage: { prompt_tokens: 0, completion_tokens: 0, total_tokens: 0 },
    metric: { name: 'usage.total_tokens', goal: 'min' },
    best: null,
    metadata: { sweep: 'a' },
    created_at: expect.any(Number),
    cancelled_at: null,
    finished_at: null,
    retry_of: null,
  });
  expect((await at.producer.get(`/v1/groups/${id}`)).body).toEqual(answer.body);
});

test('a group ends with its best result, and its jobs have theirs', async () => {
  const losses = [0.3, 0.1];
  await using at = await scene(() => Promise.resolve({ kind: 'completed', result: { loss: losses.shift() } }));

  const group = await at.create({ jobs: [JOB, JOB], metric: { name: 'loss', goal: 'min' } });
  const body = await at.ended(group);
  const { body: page } = await at.producer.get(`/v1/groups/${group.id}/jobs`);
  const { body: bare } = await at.producer.get(`/v1/groups/${group.id}/jobs?result=false`);

  const best = (page as { data: { id: string; result: { loss: number } }[] }).data.find(
    ({ result }) => result.loss === 0.1,
  );
  expect(body).toMatchObject({
    state: 'completed',
    counts: { succeeded: 2 },
    best: { job_id: best?.id, value: 0.1 },
    finished_at: expect.any(Number),
  });
  expect(page).toMatchObject({ object: 'list', has_more: false, data: [{ object: 'job' }, { object: 'job' }] });
  for (const job of (bare as WirePage).data) expect(job).not.toHaveProperty('result');
});

test('groups and their jobs are listed page by page', async () => {
  await using at = await scene();
  const groups = [await at.create({ jobs: [LATER] }), await at.create({ jobs: [LATER, LATER, LATER] })];

  const first = (await at.producer.get('/v1/groups?limit=1')).body as WirePage;
  const second = (await at.producer.get(`/v1/groups?limit=1&after=${first.last_id}`)).body as WirePage;
  const jobs = (await at.producer.get(`/v1/groups/${groups[1]?.id}/jobs?limit=2`)).body as WirePage;
  const rest = (await at.producer.get(`/v1/groups/${groups[1]?.id}/jobs?after=${jobs.last_id}`)).body as WirePage;

  expect([first, second].map(({ data, has_more: more }) => [data[0]?.id, more])).toEqual([
    [groups[1]?.id, true],
    [groups[0]?.id, false],
  ]);
  expect([jobs.data.length, jobs.has_more, rest.data.length, rest.has_more]).toEqual([2, true, 1, false]);
});

test('a group is cancelled, and what did not succeed is tried again', async () => {
  await using at = await scene();
  const group = await at.create({ jobs: [LATER, JOB] });

  const early = await at.producer.post(`/v1/groups/${group.id}/retry`);
  const cancelled = await at.producer.post(`/v1/groups/${group.id}/cancel`);
  const twice = await at.producer.post(`/v1/groups/${group.id}/cancel`);
  const again = await at.producer.post(`/v1/groups/${group.id}/retry`);

  expect(early).toMatchObject({ status: 409, body: { error: { code: 'group_not_finished' } } });
  expect(cancelled).toMatchObject({ status: 200, body: { state: 'cancelled', counts: { cancelled: 2 } } });
  expect(twice).toMatchObject({ status: 409, body: { error: { code: 'group_already_finished' } } });
  expect(again).toMatchObject({ status: 202, body: { retry_of: group.id, counts: { total: 2, queued: 2 } } });
});

test('jobs that failed say why', async () => {
  await using at = await scene(() => Promise.resolve({ kind: 'failed', failure: failure('bad_request', 'No.') }));

  const group = await at.create({ jobs: [JOB] });
  await at.ended(group);
  const { body } = await at.producer.get(`/v1/groups/${group.id}/jobs`);

  expect(body).toMatchObject({ data: [{ state: 'failed', error: { class: 'bad_request', message: 'No.' } }] });
});

test('the same request with the same Idempotency-Key is the same group', async () => {
  await using at = await scene();
  const headers = { 'idempotency-key': 'sweep' };

  const one = await at.create({ jobs: [LATER] }, headers);
  const same = await at.create({ jobs: [LATER] }, headers);
  const other = await at.producer.post('/v1/groups', { jobs: [JOB] }, headers);

  expect(same.id).toBe(one.id);
  expect(other).toMatchObject({ status: 409, body: { error: { code: 'idempotency_conflict' } } });
});

test.each([
  ['a body that is no object', [], /JSON object/],
  ['no jobs', {}, /jobs/],
  ['jobs that are no array', { jobs: 'all' }, /jobs/],
  ['a job under names of Node', { jobs: [{ ...JOB, delayMs: 1 }] }, /'delay_ms'/],
  ['a job with a wrong value', { jobs: [JOB, { ...JOB, delay_ms: -1 }] }, /Job 1: 'delay_ms'/],
  ['a job with a key', { jobs: [{ ...JOB, idempotency_key: 'k' }] }, /Job 0: 'idempotency_key'/],
])('%s is refused under the names that the caller uses', async (_what, body, message) => {
  await using at = await scene();

  const answer = await at.producer.post('/v1/groups', body);

  expect(answer).toMatchObject({
    status: 400,
    body: { error: { code: 'invalid_request', message: expect.stringMatching(message) } },
  });
});

test.each([
  ['GET', `/v1/groups/${UNKNOWN}`],
  ['GET', '/v1/groups/%00'],
  ['GET', `/v1/groups/${UNKNOWN}/jobs`],
  ['POST', `/v1/groups/${UNKNOWN}/cancel`],
  ['POST', `/v1/groups/${UNKNOWN}/retry`],
])('%s %s is not found', async (method, path) => {
  await using at = await scene();

  const answer = await at.producer.request(path, { method });

  expect(answer).toMatchObject({ status: 404, body: { error: { code: 'group_not_found' } } });
});

test('without storage there are no groups, and the answer says what to set', async () => {
  await using producer = await TestProducer.start();

  const answers = await Promise.all([producer.post('/v1/groups', { jobs: [JOB] }), producer.get('/v1/groups')]);

  for (const { status, body } of answers) {
    expect(status).toBe(501);
    expect(body).toMatchObject({
      error: { code: 'storage_not_configured', message: expect.stringMatching('DATABASE_URL') },
    });
  }
});
