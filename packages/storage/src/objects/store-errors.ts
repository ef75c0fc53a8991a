import { EngineError } from '@llm-engine/contracts';

/** What the S3 client says of an answer without a body. */
const NO_BODY = ['Unknown', 'UnknownError'];

/** The store does not do what it was asked. `task` says what that was, such as `the object 'a' cannot be read`. */
export function unavailable(store: string, task: string, cause: unknown): EngineError {
  return new EngineError(
    'storage_unavailable',
    `${task.charAt(0).toUpperCase()}${task.slice(1)}, since the object store ${store} failed: ${reasonOf(cause)}. ` +
      'Check that it runs and that STORAGE_URL is right, then try again.',
    { cause },
  );
}

export function missing(store: string, key: string): EngineError {
  return new EngineError(
    'object_missing',
    `The object '${key}' is not in the object store ${store}. Restore it, or check that STORAGE_URL is right.`,
  );
}

/** An error that says nothing, such as of a connection refused at two addresses, still has a code or a name. */
function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const { code, $metadata } = error as NodeJS.ErrnoException & {
    readonly $metadata?: { readonly httpStatusCode?: number };
  };
  const said = NO_BODY.includes(error.message) ? `it answered ${$metadata?.httpStatusCode}` : error.message;
  return (said || code || error.name).replace(/[.\s]+$/, '');
}
