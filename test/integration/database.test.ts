import { Database, isStorageOutage } from '@llm-engine/storage';
import { describe, expect, test } from 'vitest';
import { TestDatabase } from '../support/database.ts';

async function tablesOf({ pool }: Database): Promise<string[]> {
  const { rows } = await pool.query<{ name: string }>(
    `SELECT table_name AS name FROM information_schema.tables WHERE table_schema = 'public' ORDER BY 1`,
  );
  return rows.map(({ name }) => name);
}

describe('a database', () => {
  test('is migrated once by processes that start together', async () => {
    await using empty = await TestDatabase.create({ empty: true });
    await using opened = new AsyncDisposableStack();

    const databases = await Promise.all(
      Array.from({ length: 8 }, async () => opened.use(await Database.open({ url: empty.url, maxConnections: 2 }))),
    );

    const tables = await Promise.all(databases.map(tablesOf));
    expect(tables[0]).toEqual(
      expect.arrayContaining(['batches', 'chunks', 'events', 'files', 'groups', 'jobs', 'keys', 'models', 'parts']),
    );
    expect(new Set(tables.map(String)).size).toBe(1);
  });

  test('that a newer program has migrated is refused, and both versions are named', async () => {
    await using fresh = await TestDatabase.create();
    await using database = await Database.open({ url: fresh.url });
    await database.pool.query(`INSERT INTO migrations (name) VALUES ('9000_from_the_future')`);

    const opening = Database.open({ url: fresh.url });

    await expect(opening).rejects.toMatchObject({
      code: 'invalid_config',
      message: expect.stringMatching(/at migration '9000_from_the_future'.* none after '\d{4}_\w+'.*newer version/),
    });
  });

  test('is left as it is by a process that may not migrate', async () => {
    await using empty = await TestDatabase.create({ empty: true });
    await using migrated = await TestDatabase.create();

    const lacking = Database.open({ url: empty.url, migrate: false });

    await expect(lacking).rejects.toMatchObject({
      code: 'invalid_config',
      message: expect.stringMatching(/lacks the migration '\d{4}_\w+'/),
    });
    await using database = await Database.open({ url: migrated.url, migrate: false });
    await expect(database.check()).resolves.toBeUndefined();
  });

  test('whose migration fails is left as it was', async () => {
    await using fresh = await TestDatabase.create();
    await using database = await Database.open({ url: fresh.url });
    await database.pool.query('DROP TABLE migrations, keys');

    const opening = Database.open({ url: fresh.url });

    await expect(opening).rejects.toThrow('relation "batches" already exists');
    expect(await tablesOf(database)).toEqual([
      'batches',
      'chunks',
      'events',
      'files',
      'groups',
      'jobs',
      'models',
      'parts',
    ]);
  });

  test('keeps the bodies of parts uncompressed, so that a range costs no more than its bytes', async () => {
    await using fresh = await TestDatabase.create();
    await using database = await Database.open({ url: fresh.url });

    const { rows } = await database.pool.query(
      `SELECT attstorage FROM pg_attribute WHERE attrelid = 'parts'::regclass AND attname = 'body'`,
    );

    expect(rows).toEqual([{ attstorage: 'e' }]);
  });

  test.for([
    ['that does not exist', { pathname: '/nowhere' }, 'database "nowhere" does not exist'],
    ['whose password is wrong', { password: 'guessed' }, 'password authentication failed'],
  ] as const)('%s is refused at once, by name', async ([, change, reason]) => {
    await using fresh = await TestDatabase.create();
    const url = Object.assign(new URL(fresh.url), change);

    const opening = Database.open({ url: url.href });

    await expect(opening).rejects.toMatchObject({
      code: 'invalid_config',
      message: expect.stringMatching(new RegExp(`DATABASE_URL.*${reason}`)),
    });
  });

  test.for(['127.0.0.1:5432', 'mysql://127.0.0.1/engine', ''])('%j is no URL of one', async (url) => {
    await expect(Database.open({ url })).rejects.toMatchObject({
      code: 'invalid_config',
      message: expect.stringContaining('DATABASE_URL'),
    });
  });

  test('says of a mistake in a statement what it is: no outage', async () => {
    await using fresh = await TestDatabase.create();
    await using database = await Database.open({ url: fresh.url });

    const error: unknown = await database.pool.query('SELECT nothing').catch((reason: unknown) => reason);

    expect(error).toMatchObject({ code: '42703' });
    expect(isStorageOutage(error)).toBe(false);
  });
});
