const CONNECTION_ERRORS = [
  'MaxRetriesPerRequestError',
  "Stream isn't writeable",
  'Connection is closed',
  'Command timed out',
  'ECONNREFUSED',
  'ECONNRESET',
  'EPIPE',
  // A Redis that is still loading its file, or has become a replica, is as good as unreachable.
  'LOADING',
  'READONLY',
  'MASTERDOWN',
];

/** Whether an error says that Redis is out of reach, as opposed to having refused the command. */
export function isConnectionError(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  const text = `${error.name} ${error.message}`;
  return CONNECTION_ERRORS.some((known) => text.includes(known));
}
