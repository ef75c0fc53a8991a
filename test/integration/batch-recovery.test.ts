import { expect, test } from 'vitest';
import { TestBatches } from '../support/batches.ts';
import type { TestBatchesOptions } from '../support/batches.ts';
import { idsOf, idsWhere, lineOf, markedLines, servedBy } from '../support/batch-workers.ts';
import type { batchWorker } from '../support/batch-workers.ts';
import { startModelServer } from '../support/model-server.ts';
import { FAST, PostgresServer } from '../support/postgres-server.ts';
import { RedisServer } from '../support/redis-server.ts';
import { WorkerLog } from '../support/worker-log.ts';
import { workerOf } from '../support/worker.ts';

const LINES = 600;
const SLOW = { kind: 'ok', delayMs: 20 } as const;
/** One chunk runs, the others wait in Redis. */
const ONE_CHUNK = { chunkConcurrency: 1, lineConcurrency: 8, fineTuneConcurrency: 0 };

/** A batch, and what became of it. */
async function runBatch(options: TestBatchesOptions, { log, settings, meanwhile }: Scene) {
  await using server = await startModelServer({ models: ['m'], behaviour: SLOW });
  await using executors = servedBy(server);
  await using engine = await TestBatches.start(options);
  const { storage } = engine;
  await using _worker = await workerOf(engine.engine, executors, { storage, ...ONE_CHUNK, ...settings, ...log });
  const { id } = await engine.create(markedLines(LINES));
  await server.request(100);
  await meanwhile(engine);
  const batch = await engine.ended(id);
  return { batch, output: await engine.lines(batch.output_file_id), requests: server.requests };
}

interface Scene {
  readonly meanwhile: (engine: TestBatches) => Promise<unknown>;
  readonly settings?: Parameters<typeof batchWorker>[2];
  readonly log?: Pick<WorkerLog, 'logger'>;
}

test('a batch completes by itself, within a minute, when Redis is emptied while it runs', async () => {
  await using redis = await RedisServer.start();

  const { batch, output, requests } = await runBatch(
    { redisUrl: redis.url },
    { meanwhile: ({ engine }) => engine.connection.redis.flushall() },
  );

  expect(batch).toMatchObject({ status: 'completed', request_counts: { completed: LINES, failed: 0 } });
  expect(idsOf(output)).toEqual(idsWhere(LINES));
  // What runs again is what was in flight when the chunk was taken over.
  expect(requests.length).toBeLessThanOrEqual(LINES + ONE_CHUNK.lineConcurrency * 2);
});

test('a batch completes by itself when Redis is killed, and comes back without what it held', async () => {
  await using redis = await RedisServer.start();
  const restart = async () => {
    await redis.kill();
    await redis.start();
  };

  const { batch, output } = await runBatch(
    { redisUrl: redis.url },
    { meanwhile: restart, settings: { reconcileEveryMs: 500, lockMs: 2_000 } },
  );

  expect(batch).toMatchObject({ status: 'completed', request_counts: { completed: LINES, failed: 0 } });
  expect(idsOf(output)).toEqual(idsWhere(LINES));
});

test('a batch completes when PostgreSQL is killed and started again while it runs, and no line is asked twice', async () => {
  await using postgres = await PostgresServer.start(FAST);
  const log = new WorkerLog();
  const restart = async () => {
    await postgres.kill();
    await log.logged(({ source }) => source === 'recording lines');
    await postgres.start();
  };

  const { batch, output, requests } = await runBatch(
    { databaseUrl: postgres.url },
    { meanwhile: restart, settings: { reconcileEveryMs: 500 }, log },
  );

  expect(batch).toMatchObject({ status: 'completed', request_counts: { completed: LINES, failed: 0 } });
  expect(idsOf(output)).toEqual(idsWhere(LINES));
  expect(requests.map(lineOf).toSorted()).toEqual(idsWhere(LINES).toSorted());
});
