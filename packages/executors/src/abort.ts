import { setTimeout as wait } from 'node:timers/promises';

/** The error of an aborted wait: the signal's reason where that is an error, else an AbortError that carries it. */
export function abortError(signal: AbortSignal): Error {
  const reason: unknown = signal.reason;
  if (reason instanceof Error) return reason;
  return new DOMException(`Aborted: ${String(reason)}.`, { name: 'AbortError', cause: reason });
}

export function throwIfAborted(signal: AbortSignal): void {
  if (signal.aborted) throw abortError(signal);
}

export async function sleep(ms: number, signal: AbortSignal): Promise<void> {
  throwIfAborted(signal);
  if (ms <= 0) return;
  try {
    await wait(ms, undefined, { signal });
  } catch {
    // Only the abort ends this wait early; its reason says more than Node's own error.
    throw abortError(signal);
  }
}

/** Waits for a promise that others wait for too, but no longer than until the abort. */
export async function untilAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  throwIfAborted(signal);
  const aborted = Promise.withResolvers<never>();
  const onAbort = (): void => aborted.reject(abortError(signal));
  signal.addEventListener('abort', onAbort, { once: true });
  try {
    return await Promise.race([promise, aborted.promise]);
  } finally {
    signal.removeEventListener('abort', onAbort);
  }
}
