const MAX_CAUSES = 5;

/** An error as the log shows it. Only these fields: a client's errors carry whole requests, passwords included. */
export interface SerializedError {
  readonly type: string;
  readonly message: string;
  readonly code?: string | number;
  readonly stack?: string;
  readonly cause?: SerializedError;
  /** Of an AggregateError, such as a connection that was refused on every address. */
  readonly errors?: readonly SerializedError[];
}

export function serializeError(error: unknown, depth = 0): SerializedError {
  if (!(error instanceof Error)) return { type: typeof error, message: describe(error) };
  const { name, message, stack, cause } = error;
  const deeper = depth < MAX_CAUSES;
  return {
    type: name,
    message,
    ...codeOf(error),
    ...(stack !== undefined && { stack }),
    ...(deeper && cause !== undefined && { cause: serializeError(cause, depth + 1) }),
    ...(deeper &&
      error instanceof AggregateError && { errors: error.errors.map((inner) => serializeError(inner, depth + 1)) }),
  };
}

function codeOf(error: Error): { readonly code?: string | number } {
  if (!('code' in error)) return {};
  const { code } = error;
  return typeof code === 'string' || typeof code === 'number' ? { code } : {};
}

function describe(thrown: unknown): string {
  return typeof thrown === 'string' ? thrown : `A ${typeof thrown} was thrown instead of an error.`;
}
