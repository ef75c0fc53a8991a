import { readFile, readdir } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { EngineError } from '@llm-engine/contracts';
import type { ClientBase, Pool } from 'pg';

/** Beside the sources and beside what was compiled from them: both are two folders deep. */
const FOLDER = fileURLToPath(new URL('../../migrations', import.meta.url));
/** Whoever holds this advisory lock changes the tables; the others wait, and find them changed. The number only has to be ours. */
const LOCK = 7_103_228_451;
const BREAKPOINT = '--> statement-breakpoint';

const TABLE = `CREATE TABLE IF NOT EXISTS migrations (name text PRIMARY KEY, applied_at timestamptz NOT NULL DEFAULT now())`;

/**
 * Brings the tables of a database to where this program wants them, all at once or not at all. Processes that start together
 * do it once. Rejects with `invalid_config` when the database is ahead of this program.
 */
export async function migrate(pool: Pool): Promise<void> {
  const known = await knownMigrations();
  // Without the lock: every start but the first one ends here.
  if (missing(known, await appliedMigrations(pool)).length === 0) return;
  const client = await pool.connect();
  let failure: Error | undefined;
  try {
    await migrateLocked(client, known);
  } catch (error) {
    failure = error as Error;
    throw error;
  } finally {
    // With an error the connection is closed, and its transaction with it.
    client.release(failure);
  }
}

/** Rejects with `invalid_config` when the tables are not the ones that this program wants. */
export async function requireMigrated(pool: Pool): Promise<void> {
  const lacking = missing(await knownMigrations(), await appliedMigrations(pool));
  if (lacking.length === 0) return;
  throw new EngineError(
    'invalid_config',
    `The database lacks the migration '${lacking.at(-1)}' of this program. Start one process that may migrate it first.`,
  );
}

async function migrateLocked(client: ClientBase, known: readonly string[]): Promise<void> {
  await client.query('BEGIN');
  // Waiting for another process to migrate, and building an index of large tables, may take their time.
  await client.query('SET LOCAL statement_timeout = 0');
  await unhurried(client, 'SELECT pg_advisory_xact_lock($1)', [LOCK]);
  await client.query(TABLE);
  for (const name of missing(known, await appliedMigrations(client))) {
    for (const statement of await statementsOf(name)) await unhurried(client, statement);
    await client.query('INSERT INTO migrations (name) VALUES ($1)', [name]);
  }
  await client.query('COMMIT');
}

/** A statement whose answer is waited for as long as the server works on it. */
async function unhurried(client: ClientBase, text: string, values: unknown[] = []): Promise<void> {
  // Longer than any timer: the limit of a query given as 0 would be the limit of the pool.
  await client.query({ text, values, query_timeout: 2 ** 31 - 1 } as { text: string; values: unknown[] });
}

/** Names in the order in which they are applied. They begin with their number. */
async function knownMigrations(): Promise<string[]> {
  const files = await readdir(FOLDER);
  return files
    .filter((file) => file.endsWith('.sql'))
    .map((file) => file.slice(0, -'.sql'.length))
    .toSorted();
}

async function statementsOf(name: string): Promise<string[]> {
  return (await readFile(`${FOLDER}/${name}.sql`, 'utf8')).split(BREAKPOINT);
}

async function appliedMigrations(database: Pick<ClientBase, 'query'>): Promise<string[]> {
  const { rows: found } = await database.query<{ exists: boolean }>(
    `SELECT to_regclass('migrations') IS NOT NULL AS exists`,
  );
  if (found[0]?.exists !== true) return [];
  const { rows } = await database.query<{ name: string }>('SELECT name FROM migrations');
  return rows.map(({ name }) => name).toSorted();
}

function missing(known: readonly string[], applied: readonly string[]): string[] {
  const unknown = applied.filter((name) => !known.includes(name));
  if (unknown.length > 0) {
    throw new EngineError(
      'invalid_config',
      `The database is at migration '${unknown.at(-1)}', and this program knows none after '${known.at(-1)}'. ` +
        'Run the newer version of the program that migrated it, or name another database in DATABASE_URL.',
    );
  }
  return known.filter((name) => !applied.includes(name));
}
