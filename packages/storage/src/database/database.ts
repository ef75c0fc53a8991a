import { setTimeout } from 'node:timers/promises';
import { EngineError } from '@llm-engine/contracts';
import type { Pool } from 'pg';
import { typedDatabase } from './drizzle.ts';
import type { TypedDatabase } from './drizzle.ts';
import { migrate, requireMigrated } from './migrate.ts';
import { databaseUnavailable, isStorageOutage } from './outage.ts';
import { ConnectionPool } from './pool.ts';

export interface DatabaseOptions {
  /** `postgres://[user[:password]@]host[:port]/database`; `?sslmode=verify-full` for TLS. */
  readonly url: string;
  /** Connections at most. They are opened when they are needed. Default 10. */
  readonly maxConnections?: number;
  /** For how long a server may be away at first, in milliseconds; `Infinity`: for ever. Default 10,000. */
  readonly connectTimeoutMs?: number;
  /** False where this process may not change tables: then it only makes sure that they are the right ones. Default true. */
  readonly migrate?: boolean;
  /** Gives up the opening. */
  readonly signal?: AbortSignal;
  /** Troubles of connections, which are replaced by themselves. Default: ignored. */
  readonly onTrouble?: (error: Error) => void;
}

const CHECK_TIMEOUT_MS = 2_000;
const RETRY_FIRST_MS = 50;
const RETRY_CAP_MS = 1_000;

/** SQLSTATE of a server that does not let this program in, or not at its tables; trying again would change nothing. */
const REFUSED = /^(28|3D|42501)/;

/**
 * One process's way to the engine's PostgreSQL.
 * 1. Waits for a server that starts, and brings its tables to where this program wants them.
 * 2. Owns the pool of connections, which replaces those that die.
 * What is asked of it in an outage fails with `storage_unavailable`, or with an error caused by it: `isStorageOutage` tells.
 */
export class Database implements AsyncDisposable {
  /** Typed statements. */
  readonly db: TypedDatabase;
  /** Statements as text. */
  readonly pool: Pool;
  readonly #connections: ConnectionPool;

  private constructor(connections: ConnectionPool) {
    this.#connections = connections;
    this.pool = connections.pool;
    this.db = typedDatabase(connections.pool);
  }

  /**
   * Rejects with `invalid_config` for a URL that is none, a server that does not let us in, and a database that is newer than
   * this program; with `storage_unavailable` when there is no server in time; with the signal's reason when that aborts.
   */
  static async open({
    url,
    maxConnections = 10,
    connectTimeoutMs = 10_000,
    migrate: mayMigrate = true,
    onTrouble = () => undefined,
    signal,
  }: DatabaseOptions): Promise<Database> {
    requireDatabaseUrl(url);
    await using opening = new AsyncDisposableStack();
    const database = opening.use(new Database(new ConnectionPool({ url, maxConnections, onTrouble })));
    const deadline = performance.now() + connectTimeoutMs;
    for (let attempt = 0; ; attempt += 1) {
      signal?.throwIfAborted();
      try {
        await (mayMigrate ? migrate(database.pool) : requireMigrated(database.pool));
        opening.move();
        return database;
      } catch (error) {
        const left = deadline - performance.now();
        if (!isStorageOutage(error) || left <= 0) throw explainRefusal(error);
        const delay = Math.min(RETRY_FIRST_MS * 2 ** Math.min(attempt, 10), RETRY_CAP_MS) * (0.5 + Math.random() / 2);
        // Rejects only when it is aborted, which the loop sees.
        await setTimeout(Math.min(delay, left), undefined, signal && { signal }).catch(() => undefined);
      }
    }
  }

  /** Rejects with `storage_unavailable` when the database does not answer now. Cheap: for a probe. */
  async check(signal: AbortSignal = AbortSignal.timeout(CHECK_TIMEOUT_MS)): Promise<void> {
    const { promise: late, reject } = Promise.withResolvers<never>();
    const giveUp = (): void =>
      reject(databaseUnavailable('The database does not answer in time. Try again shortly.', signal.reason));
    if (signal.aborted) giveUp();
    signal.addEventListener('abort', giveUp, { once: true });
    try {
      await Promise.race([this.pool.query('SELECT 1'), late]);
    } finally {
      signal.removeEventListener('abort', giveUp);
    }
  }

  /** Resolves when every statement that was begun has ended, and the connections are closed. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#connections[Symbol.asyncDispose]();
  }
}

function requireDatabaseUrl(url: string): void {
  if (URL.canParse(url) && /^postgres(ql)?:$/.test(new URL(url).protocol)) return;
  // The value is not shown: it may hold a password.
  throw new EngineError(
    'invalid_config',
    'DATABASE_URL is not the URL of a PostgreSQL. It must look like postgres://user:password@127.0.0.1:5432/database.',
  );
}

function explainRefusal(error: unknown): unknown {
  const { code, message } = error as { readonly code?: unknown; readonly message?: unknown };
  if (typeof code !== 'string' || !REFUSED.test(code)) return error;
  return new EngineError('invalid_config', `The PostgreSQL of DATABASE_URL refuses this program: ${String(message)}.`, {
    cause: error,
  });
}
