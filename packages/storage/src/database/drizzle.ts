import { drizzle } from './drizzle-orm.ts';
import type { NodePgDatabase } from 'drizzle-orm/node-postgres';
import type { Pool, PoolClient } from 'pg';
import { isStorageOutage } from './outage.ts';
import * as schema from './schema.ts';

export type TypedDatabase = NodePgDatabase<typeof schema>;

/** The schema's columns are camel case, those of the database are not. */
const OPTIONS = { schema, casing: 'snake_case' } as const;

/** Typed statements on connections of a pool. */
export function typedDatabase(pool: Pool): TypedDatabase {
  const db = drizzle(pool, OPTIONS);
  db.transaction = transactionsOn(pool);
  return db;
}

/** Drizzle's own transactions on a pool never give a connection back on which BEGIN fails. */
function transactionsOn(pool: Pool): TypedDatabase['transaction'] {
  const onConnection = new WeakMap<PoolClient, TypedDatabase>();
  return async (work, config) => {
    const client = await pool.connect();
    const db = onConnection.get(client) ?? (drizzle(client, OPTIONS) as TypedDatabase);
    onConnection.set(client, db);
    let outage: Error | undefined;
    try {
      return await db.transaction(work, config);
    } catch (error) {
      if (isStorageOutage(error)) outage = error as Error;
      throw error;
    } finally {
      // With an error it is closed: nobody knows what it still waits for.
      client.release(outage);
    }
  };
}
