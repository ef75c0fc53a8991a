/** The idempotency key under which a thing is tried again once. No caller's own is like it: a header has no line end. */
export function retryKey(id: string): string {
  return `\nretry of ${id}`;
}
