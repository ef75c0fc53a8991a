import { OpenAIExecutor } from '@llm-engine/executors';
import type { LimitExchange } from '@llm-engine/executors';
import { QueueConnection, SharedLimits } from '@llm-engine/queue';
import { expect, inject, test } from 'vitest';
import { randomPrefix } from '../support/engine.ts';
import { startModelServer } from '../support/model-server.ts';
import { failureOf, infer, limit, model, never } from '../support/openai-executor.ts';
import { RedisServer } from '../support/redis-server.ts';

test('two workers together have no more requests at an endpoint than it takes, and each has its part', async () => {
  await using fleet = await startFleet(6);
  const { server, executors, share } = fleet;
  const release = Promise.withResolvers<void>();
  server.setDefault({ kind: 'ok', until: release.promise });
  await share();
  await share();

  const answers = executors.flatMap((executor) => Array.from({ length: 10 }, () => infer(executor, {}, BULK)));
  await server.request(5);
  await share();

  expect(executors.map((executor) => executor.limits()[0]?.inUse)).toEqual([3, 3]);
  expect(server.requests).toHaveLength(6);
  release.resolve();
  await Promise.all(answers);
});

test('a worker that comes to want its part gets it as the requests of the other end, not before', async () => {
  await using fleet = await startFleet(6);
  const { server, executors, share } = fleet;
  const [first, second] = executors;
  const release = Promise.withResolvers<void>();
  server.setDefault({ kind: 'ok', until: release.promise });
  await share();
  const many = Array.from({ length: 10 }, () => infer(first, {}, BULK));
  await server.request(5);

  const few = Array.from({ length: 2 }, () => infer(second, {}, BULK));
  await share();
  await share();
  const whileHeld = second.limits()[0]?.inUse;
  release.resolve();
  await Promise.all(many);
  await share();
  await share();

  expect(whileHeld).toBe(0);
  await expect(Promise.all(few)).resolves.toHaveLength(2);
});

test('an interactive request is not held back by the requests of another worker', async () => {
  await using fleet = await startFleet(6);
  const { server, executors, share } = fleet;
  const [first, second] = executors;
  const release = Promise.withResolvers<void>();
  server.setDefault({ kind: 'ok', until: release.promise });
  await share();
  const batch = Array.from({ length: 10 }, () => infer(first, {}, BULK));
  await server.request(5);

  const chat = infer(second, {}, { priority: 'interactive' });
  await server.request(6);
  const held = first.limits()[0]?.inUse;
  release.resolve();

  await expect(chat).resolves.toMatchObject({ kind: 'completed' });
  expect(held).toBe(6);
  await Promise.all(batch);
});

test('what one worker learns of a server holds for the others', async () => {
  await using fleet = await startFleet(64);
  const { server, executors, share } = fleet;
  const [first, second] = executors;
  await share();
  server.next({ kind: 'status', status: 429 });

  await expect(failureOf(infer(first))).resolves.toMatchObject({ class: 'rate_limited' });
  await share();

  expect(second.limits()[0]).toMatchObject({ limit: 44, decreases: { refused: 0 } });
  expect(first.limits()[0]).toMatchObject({ limit: 44, decreases: { refused: 1 } });
});

test('a pause that a server asks for is kept by all workers, and requests go on after it', async () => {
  await using fleet = await startFleet(8);
  const { server, executors, share } = fleet;
  const [first, second] = executors;
  await share();
  const busy = { kind: 'status', status: 429, headers: { 'retry-after-ms': '1500' } } as const;
  server.next(busy, busy, busy, busy);
  for (let count = 0; count < 4; count += 1) await failureOf(infer(first));
  const refusedAt = Date.now();

  await share();
  const paused = second.limits()[0]?.paused;
  await infer(second, {}, BULK);

  expect(paused).toBe(true);
  expect(server.requests).toHaveLength(5);
  expect((server.requests[4]?.at ?? 0) - refusedAt).toBeGreaterThan(1_400);
});

test('the part of a worker that stops is free at once', async () => {
  await using fleet = await startFleet(6);
  const { executors, share, exchanges } = fleet;
  const [first, second] = executors;
  await share();
  await share();

  await first.leaveLimits(exchanges[0]);
  await second.shareLimits(exchanges[1]);
  const answers = Array.from({ length: 6 }, () => infer(second, {}, BULK));

  await expect(Promise.all(answers)).resolves.toHaveLength(6);
});

test('while Redis is away the last agreement holds, and what was seen is told afterwards', async () => {
  await using redis = await RedisServer.start();
  await using fleet = await startFleet(8, redis.url);
  const { server, executors, share, exchanges } = fleet;
  const [first, second] = executors;
  await share();
  await share();
  await redis.kill();

  server.next({ kind: 'status', status: 429 });
  await failureOf(infer(first));
  await expect(first.shareLimits(exchanges[0])).rejects.toThrow(/connection|writeable|retries/i);
  await expect(infer(first)).resolves.toMatchObject({ kind: 'completed' });
  await redis.start();
  await expect.poll(share).toBe('told');

  expect(second.limits()[0]?.limit).toBe(5);
});

test('a document that is not understood is made anew', async () => {
  await using fleet = await startFleet(8);
  const { connection, executors, share } = fleet;
  await share();
  const [key] = await connection.redis.keys(connection.keys.limit('*').replaceAll(/[{}]/g, '?'));
  await connection.redis.set(key ?? '', '{"version":9}');

  await share();

  expect(executors[0].limits()[0]?.limit).toBe(8);
});

const BULK = { priority: 'bulk' } as const;

/** Two executors for one model server, as two workers would have them. */
async function startFleet(concurrency: number, redisUrl = inject('redisUrl')) {
  await using starting = new AsyncDisposableStack();
  const server = starting.use(await startModelServer());
  const prefix = randomPrefix();
  const start = () => {
    const connection = starting.use(new QueueConnection({ redisUrl, prefix }));
    const executor = starting.use(new OpenAIExecutor({ models: [model(server)].map(limit(concurrency)) }));
    return { connection, executor, exchange: new SharedLimits(connection) satisfies LimitExchange };
  };
  const [first, second] = [start(), start()];
  await Promise.all([first.connection.waitUntilReady(), second.connection.waitUntilReady()]);
  await Promise.all([first.executor.models(never()), second.executor.models(never())]);
  const running = starting.move();
  return {
    server,
    connection: first.connection,
    executors: [first.executor, second.executor] as const,
    exchanges: [first.exchange, second.exchange] as const,
    /** Each tells the others once. */
    share: async () => {
      for (const { executor, exchange } of [first, second]) {
        try {
          await executor.shareLimits(exchange);
        } catch {
          return 'away';
        }
      }
      return 'told';
    },
    [Symbol.asyncDispose]: () => running.disposeAsync(),
  };
}
