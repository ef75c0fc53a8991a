import { EngineError } from '@llm-engine/contracts';

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

/** An error whose message is empty, such as of a refused connection, still has a code or a name. */
function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const { code } = error as NodeJS.ErrnoException;
  const reason = error.message || code || error.name;
  return reason.replace(/[.\s]+$/, '');
}
