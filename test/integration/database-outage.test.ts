import { Database, isStorageOutage, storageOutage } from '@llm-engine/storage';
import { describe, expect, inject, test } from 'vitest';
import { TestDatabase } from '../support/database.ts';
import { PostgresServer } from '../support/postgres-server.ts';
import { freePort } from '../support/redis-server.ts';

const outage = expect.objectContaining({ code: 'storage_unavailable', retryAfterMs: 1_000 });

/** What it failed with. */
async function failure(doing: Promise<unknown>): Promise<unknown> {
  return doing.then(
    () => undefined,
    (error: unknown) => error,
  );
}

function withParameters(url: string, parameters: Readonly<Record<string, string>>): string {
  return `${url}?${new URLSearchParams(parameters).toString()}`;
}

describe('a database whose server', () => {
  test('is killed is storage_unavailable however it is asked, and heals by itself with its data', async () => {
    await using server = await PostgresServer.start();
    await using database = await Database.open({ url: server.url });
    await database.pool.query(`INSERT INTO keys VALUES ('kept', 'o', 'admin', now())`);

    await server.kill();

    expect(await failure(database.pool.query('SELECT 1'))).toEqual(outage);
    expect(await failure(database.check())).toEqual(outage);
    expect(storageOutage(await failure(database.db.query.keys.findMany()))).toEqual(outage);
    expect(storageOutage(await failure(database.db.transaction((tx) => tx.query.keys.findMany())))).toEqual(outage);
    await server.start();
    expect(await database.db.query.keys.findMany()).toMatchObject([{ digest: 'kept' }]);
  });

  test('dies under connections that nobody asks anything of is told of, and ends nothing', async () => {
    await using server = await PostgresServer.start();
    const troubles = Promise.withResolvers<Error>();
    await using database = await Database.open({ url: server.url, onTrouble: troubles.resolve });

    const inTransaction = database.db.transaction(async (tx) => {
      await tx.query.keys.findMany();
      await server.kill();
      await tx.query.keys.findMany();
    });

    expect(isStorageOutage(await failure(inTransaction))).toBe(true);
    expect((await troubles.promise).message).toMatch(/terminat/);
    await server.start();
    await expect(database.check()).resolves.toBeUndefined();
    await server.stop();
    expect(await failure(database.check())).toEqual(outage);
  });

  test('hangs is storage_unavailable in time, and the connections that wait for it are given up', async () => {
    await using server = await PostgresServer.start();
    const database = await Database.open({ url: withParameters(server.url, { query_timeout: '200' }) });
    await Promise.all([database.check(), database.check()]);

    await server.hang();

    const [checked, transaction] = await Promise.all([
      failure(database.check(AbortSignal.timeout(20))),
      failure(database.db.transaction((tx) => tx.query.keys.findMany())),
    ]);
    expect(checked).toEqual(outage);
    expect(storageOutage(transaction)).toEqual(outage);
    await database[Symbol.asyncDispose]();
    expect(database.pool.totalCount).toBe(0);
    await server.resume();
  });

  test('has no connection left for us is storage_unavailable', async () => {
    await using server = await PostgresServer.start({ max_connections: '5' });
    await using database = await Database.open({ url: server.url });

    const failures = await Promise.all(
      Array.from({ length: 10 }, () => failure(database.pool.query('SELECT pg_sleep(0.2)'))),
    );

    const refused = failures.filter((error) => error !== undefined);
    expect(refused.length).toBeGreaterThan(0);
    expect(refused).toEqual(refused.map(() => outage));
    expect(refused[0]).toMatchObject({ message: expect.stringContaining('no connection left') });
  });

  test('starts only later is waited for', async () => {
    await using server = await PostgresServer.start();
    await server.stop();

    const opening = Database.open({ url: server.url, connectTimeoutMs: Infinity });
    await server.start();

    await using database = await opening;
    await expect(database.check()).resolves.toBeUndefined();
  });

  test('does not start in time, or not before the opening is given up, is not waited for', async () => {
    const url = `postgres://nobody@127.0.0.1:${await freePort()}/nothing`;

    const signal = AbortSignal.timeout(50);

    const [late, givenUp] = await Promise.all([
      failure(Database.open({ url, connectTimeoutMs: 100 })),
      failure(Database.open({ url, connectTimeoutMs: Infinity, signal })),
    ]);

    expect(late).toEqual(outage);
    expect(givenUp).toBe(signal.reason);
  });
});

test('a statement that waits for a lock for too long is storage_unavailable, and what holds the lock goes on', async () => {
  await using fresh = await TestDatabase.create();
  await using holder = await Database.open({ url: fresh.url });
  await using waiter = await Database.open({ url: withParameters(fresh.url, { statement_timeout: '50' }) });

  await holder.db.transaction(async (tx) => {
    await tx.execute('LOCK TABLE keys');

    expect(await failure(waiter.pool.query('SELECT * FROM keys'))).toMatchObject({
      code: 'storage_unavailable',
      message: expect.stringContaining('took too long'),
    });
  });

  await expect(waiter.db.query.keys.findMany()).resolves.toEqual([]);
});

test('more statements than connections wait for each other', async () => {
  await using database = await Database.open({ url: inject('databaseUrl'), maxConnections: 2 });

  const answers = await Promise.all(Array.from({ length: 50 }, () => database.pool.query('SELECT 1 AS one')));

  expect(answers.map(({ rows }) => rows)).toEqual(answers.map(() => [{ one: 1 }]));
  expect(database.pool.totalCount).toBe(2);
});
