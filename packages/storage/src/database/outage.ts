import { EngineError } from '@llm-engine/contracts';

const RETRY_AFTER_MS = 1_000;
const OUT_OF_REACH = 'The database cannot be reached';

/** `code` of what the network says. */
const NETWORK_CODES = [
  'ECONNREFUSED',
  'ECONNRESET',
  'ECONNABORTED',
  'EPIPE',
  'ETIMEDOUT',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'ENETDOWN',
  'EHOSTDOWN',
];

/** What node-postgres says of a connection that is gone; these errors have no code. */
const LOST_CONNECTION = [
  'Connection terminated',
  'Client has encountered a connection error',
  'Client was closed',
  'Client has already been closed',
];

/** What the client or the server gave up waiting for. */
const TOO_LATE = ['timeout exceeded when trying to connect', 'Query read timeout'];

/** SQLSTATE, or the class that it begins with, of a server that cannot do its work now, and what that means. */
const REFUSALS: readonly (readonly [state: string, meaning: string])[] = [
  ['08', OUT_OF_REACH],
  ['57P01', 'The database shuts down'],
  ['57P02', 'The database recovers from a crash'],
  ['57P03', 'The database starts'],
  ['53100', 'The disk of the database is full'],
  ['53200', 'The database is out of memory'],
  ['53300', 'The database has no connection left'],
  ['53', 'The database is short of resources'],
  ['58', 'The database cannot use its disk'],
  ['25006', 'The database takes no writes'],
  ['25P03', 'The database gave up a transaction that stood still'],
  ['57014', 'The database took too long'],
  ['55P03', 'The database took too long'],
  ['40', 'The database gave up one of two transactions that were in each other’s way'],
];

/**
 * Why the database cannot do its work for now, in words; undefined for any other error. Only for errors of node-postgres
 * itself: those of other connections look the same.
 */
function outageReason(error: unknown): string | undefined {
  if (!(error instanceof Error)) return undefined;
  const { code } = error as { readonly code?: unknown };
  if (typeof code === 'string') {
    if (NETWORK_CODES.includes(code)) return OUT_OF_REACH;
    return REFUSALS.find(([state]) => code.startsWith(state))?.[1];
  }
  if (TOO_LATE.some((text) => error.message.startsWith(text))) return 'The database does not answer in time';
  return LOST_CONNECTION.some((text) => error.message.startsWith(text)) ? OUT_OF_REACH : undefined;
}

/** An error of node-postgres as `storage_unavailable` where it is an outage, else as it is. */
export function explainDatabaseError(error: unknown): unknown {
  const reason = outageReason(error);
  if (reason === undefined) return error;
  return databaseUnavailable(`${reason}. What was on its way may have been done; look, or try again shortly.`, error);
}

export function databaseUnavailable(message: string, cause?: unknown): EngineError {
  return new EngineError('storage_unavailable', message, { retryAfterMs: RETRY_AFTER_MS, cause });
}

/**
 * The `storage_unavailable` that an error is, or was caused by: Drizzle wraps what it passes on. Undefined for an error that
 * will not be gone the next time.
 */
export function storageOutage(error: unknown): EngineError | undefined {
  for (let at = error; at instanceof Error; at = at.cause) {
    if (at instanceof EngineError) return at.code === 'storage_unavailable' ? at : undefined;
  }
  return undefined;
}

/** Whether an error says that the storage cannot do its work for now, and may later: nothing is wrong with what was asked. */
export function isStorageOutage(error: unknown): boolean {
  return storageOutage(error) !== undefined;
}
