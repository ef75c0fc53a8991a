import { Socket } from 'node:net';
import { Pool } from 'pg';
import type { Client, PoolClient } from 'pg';
import { explainDatabaseError } from './outage.ts';

export interface PoolOptions {
  readonly url: string;
  readonly maxConnections: number;
  readonly onTrouble: (error: Error) => void;
}

/** To reach the server, or to be given a connection of the pool that another query has now. */
const CONNECTION_TIMEOUT_MS = 5_000;
/** No statement of the engine takes long; one that does waits for a lock. */
const STATEMENT_TIMEOUT_MS = 15_000;
/** A server that hangs does not end its statements itself. Later than its own limit, which keeps the connection. */
const ANSWER_TIMEOUT_MS = 20_000;
/** A process that hangs within a transaction keeps its locks no longer. */
const IDLE_TRANSACTION_TIMEOUT_MS = 10_000;
const IDLE_CONNECTION_MS = 30_000;
const KEEP_ALIVE_AFTER_MS = 10_000;

type Callback = (error: unknown, ...results: readonly unknown[]) => void;
type AnyFunction = (...args: readonly unknown[]) => unknown;

/** A pool whose connections, and whatever is asked of them, fail with `storage_unavailable` in an outage. */
export class ConnectionPool implements AsyncDisposable {
  readonly pool: Pool;
  readonly #sockets = new Set<Socket>();

  constructor(options: PoolOptions) {
    this.pool = createPool(options, this.#openSocket);
  }

  readonly #openSocket = (): Socket => {
    const socket = new Socket();
    this.#sockets.add(socket);
    socket.once('close', () => this.#sockets.delete(socket));
    return socket;
  };

  /** Resolves when every statement that was begun has ended. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.pool.end();
    // A server that hangs never closes its side, and the process would not end.
    for (const socket of this.#sockets) socket.destroySoon();
  }
}

function createPool({ url, maxConnections, onTrouble }: PoolOptions, stream: () => Socket): Pool {
  const pool = new Pool({
    stream,
    connectionString: url,
    max: maxConnections,
    application_name: 'llm-engine',
    connectionTimeoutMillis: CONNECTION_TIMEOUT_MS,
    statement_timeout: STATEMENT_TIMEOUT_MS,
    query_timeout: ANSWER_TIMEOUT_MS,
    idle_in_transaction_session_timeout: IDLE_TRANSACTION_TIMEOUT_MS,
    idleTimeoutMillis: IDLE_CONNECTION_MS,
    keepAlive: true,
    keepAliveInitialDelayMillis: KEEP_ALIVE_AFTER_MS,
  });
  pool.connect = explained(pool.connect.bind(pool));
  pool.query = explained(pool.query.bind(pool));
  pool.on('connect', (client) => {
    client.query = explained(client.query.bind(client), (error) => {
      if (isUnanswered(error)) void (client as PoolClient & Client).end();
    });
    // A connection that dies while nothing is asked of it, idle or within a transaction, says so here, or ends the process.
    client.on('error', onTrouble);
  });
  // The pool says the same of idle ones once more.
  pool.on('error', () => undefined);
  return pool;
}

/** Its answer may still come, or never: whoever is given this connection next must not wait behind it. */
function isUnanswered(error: unknown): boolean {
  return error instanceof Error && error.message === 'Query read timeout';
}

/** node-postgres calls these functions with a callback itself, as the engine does without; both are told in the engine's words. */
function explained<Asked>(ask: Asked, onError: (error: unknown) => void = () => undefined): Asked {
  const explain = (error: unknown): unknown => {
    onError(error);
    return explainDatabaseError(error);
  };
  const asking = (...args: readonly unknown[]): unknown => {
    const last = args.at(-1);
    if (typeof last === 'function') {
      const tell = last as Callback;
      const callback: Callback = (error, ...results) =>
        tell(error === null || error === undefined ? error : explain(error), ...results);
      return (ask as AnyFunction)(...args.slice(0, -1), callback);
    }
    const answer = (ask as AnyFunction)(...args);
    return answer instanceof Promise
      ? answer.catch((error: unknown) => Promise.reject(explain(error) as Error))
      : answer;
  };
  return asking as Asked;
}
