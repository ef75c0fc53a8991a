import { OpenAIExecutor } from '@llm-engine/executors';
import { expect, test } from 'vitest';
import { startModelServer } from '../support/model-server.ts';
import type { Behaviour } from '../support/model-server.ts';
import { failureOf, infer, limit, model, startOpenAI } from '../support/openai-executor.ts';

const BUSY: Behaviour = { kind: 'status', status: 429 };
const BULK = { priority: 'bulk' } as const;
const CHAT = { priority: 'interactive' } as const;

test('interactive requests go before others that have waited for longer', async () => {
  await using server = await startModelServer();
  await using executor = new OpenAIExecutor({ models: [model(server)].map(limit(1)) });
  const release = Promise.withResolvers<void>();
  server.next({ kind: 'ok', until: release.promise });

  const answers = [
    infer(executor, { user: 'first' }, BULK),
    infer(executor, { user: 'bulk' }, BULK),
    infer(executor, { user: 'standard' }),
    infer(executor, { user: 'interactive' }, CHAT),
  ];
  await server.request(0);
  const waiting = executor.waiting();
  release.resolve();
  await Promise.all(answers);

  expect(waiting).toEqual({ interactive: 1, standard: 1, bulk: 1 });
  expect(server.requests.map(({ body }) => body['user'])).toEqual(['first', 'interactive', 'standard', 'bulk']);
});

test.for<{ what: string; behaviour: Behaviour; reason: 'refused' | 'timeout' }>([
  { what: 'a 429', behaviour: BUSY, reason: 'refused' },
  { what: 'a 503', behaviour: { kind: 'status', status: 503 }, reason: 'refused' },
  { what: 'no answer in time', behaviour: { kind: 'hang' }, reason: 'timeout' },
])('after $what the endpoint is sent less', async ({ behaviour, reason }) => {
  await using setup = await startOpenAI({ timeoutMs: 50 });
  setup.server.next(behaviour);

  await failureOf(infer(setup.executor));

  expect(setup.executor.limits()).toMatchObject([{ limit: 44, decreases: { [reason]: 1 } }]);
});

test('the deadline of a job counts as the server being late, where the server had most of the time', async () => {
  await using setup = await startOpenAI();
  setup.server.setDefault({ kind: 'hang' });
  const deadline = new AbortController();

  const answer = infer(setup.executor, {}, { signal: deadline.signal });
  await setup.server.request(0);
  deadline.abort('timeout');

  await expect(answer).rejects.toMatchObject({ name: 'AbortError' });
  expect(setup.executor.limits()).toMatchObject([{ decreases: { timeout: 1 } }]);
});

test('other failures leave the limit as it is', async () => {
  await using setup = await startOpenAI();
  setup.server.next({ kind: 'status', status: 500 }, { kind: 'reset' }, { kind: 'status', status: 400 });

  for (let count = 0; count < 3; count += 1) await failureOf(infer(setup.executor));
  await setup.server.stop();
  await failureOf(infer(setup.executor));

  expect(setup.executor.limits()).toMatchObject([{ limit: 64 }]);
});

test('after a burst of refusals the limit is what the server took, and a pause holds the others back', async () => {
  await using setup = await startOpenAI();
  const release = Promise.withResolvers<void>();
  const taken: Behaviour[] = Array.from({ length: 8 }, () => ({ kind: 'ok', until: release.promise }));
  const refused: Behaviour[] = Array.from({ length: 24 }, () => ({ ...BUSY, headers: { 'retry-after-ms': '400' } }));
  setup.server.next(...taken, ...refused);

  const answers = Array.from({ length: 32 }, () => failureOf(infer(setup.executor, {}, BULK)));
  await expect.poll(() => setup.executor.limits()[0]?.inUse).toBe(8);
  const [{ limit: after, paused } = { limit: 0, paused: false }] = setup.executor.limits();
  const next = infer(setup.executor, {}, BULK);
  const pausedAt = Date.now();
  release.resolve();
  await Promise.all([...answers, next]);

  expect(paused).toBe(true);
  expect(after).toBeLessThanOrEqual(64 - 24);
  expect((setup.server.requests[32]?.at ?? 0) - pausedAt).toBeGreaterThan(300);
});

test('an interactive request that is refused because of a batch is sent again when a request of the batch has ended', async () => {
  await using setup = await startOpenAI();
  const release = Promise.withResolvers<void>();
  setup.server.next({ kind: 'ok', until: release.promise }, { kind: 'ok', until: release.promise }, BUSY);
  const batch = [infer(setup.executor, {}, BULK), infer(setup.executor, {}, BULK)];
  await setup.server.request(1);

  const chat = infer(setup.executor, { stream: true }, CHAT);
  await setup.server.request(2);
  release.resolve();

  await expect(chat).resolves.toMatchObject({ kind: 'completed' });
  await Promise.all(batch);
});

test('an interactive request that is refused where nothing else of ours runs fails at once, in the words of the server', async () => {
  await using setup = await startOpenAI();
  setup.server.next({ ...BUSY, headers: { 'retry-after': '20' } });

  const failure = await failureOf(infer(setup.executor, {}, CHAT));

  expect(failure).toMatchObject({ class: 'rate_limited', retryAfterMs: 20_000 });
  expect(setup.server.requests).toHaveLength(1);
});
