import { EngineError } from '@llm-engine/contracts';

const CONNECTION_ERRORS = [
  'MaxRetriesPerRequestError',
  "Stream isn't writeable",
  'Connection is closed',
  'Command timed out',
  'ECONNREFUSED',
  'ECONNRESET',
  'EPIPE',
  'ETIMEDOUT',
  'ENOTFOUND',
  'EHOSTUNREACH',
  'EAI_AGAIN',
  // A Redis that is still loading its file, or has become a replica, is as good as unreachable.
  'LOADING',
  'READONLY',
  'MASTERDOWN',
];

/** What a Redis answers that is there and cannot take the command now, and what that means. */
const REFUSALS: readonly (readonly [text: string, meaning: string])[] = [
  ['OOM command not allowed', 'Redis is full: it has used up its maxmemory'],
  ['MISCONF ', 'Redis cannot save its data to disk (MISCONF)'],
  ['NOREPLICAS ', 'Redis has too few replicas to take writes (NOREPLICAS)'],
  ['CLUSTERDOWN ', 'The Redis cluster is down (CLUSTERDOWN)'],
  ['BUSY Redis', 'Redis is busy with a script (BUSY)'],
  ['TRYAGAIN ', 'The Redis cluster is moving its keys (TRYAGAIN)'],
];

/** Whether an error says that Redis is out of reach, as opposed to having refused the command. */
export function isConnectionError(error: unknown): boolean {
  const text = textOf(error);
  return CONNECTION_ERRORS.some((known) => text.includes(known));
}

/** Why a Redis that is within reach cannot take a command for now, in words; undefined for any other error. */
export function refusalReason(error: unknown): string | undefined {
  const text = textOf(error);
  return REFUSALS.find(([known]) => text.includes(known))?.[1];
}

/** Whether an error says that Redis cannot do its work for now, and may later: nothing is wrong with what was asked. */
export function isOutage(error: unknown): boolean {
  return isConnectionError(error) || refusalReason(error) !== undefined;
}

/** An EngineError says what it means by its code, and may quote a caller: its text is not searched. */
function textOf(error: unknown): string {
  return error instanceof Error && !(error instanceof EngineError) ? `${error.name} ${error.message}` : '';
}
