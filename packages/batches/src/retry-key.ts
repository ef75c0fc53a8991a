/**
 * The idempotency key under which a thing is tried again once; `time` counts the retries that came to nothing before, from 1. No
 * caller's own key is like it: a header has no line end.
 */
export function retryKey(id: string, time = 1): string {
  return `\nretry ${time} of ${id}`;
}
