import { retryAfterMs } from '@llm-engine/executors';
import type { WebhookMessage } from './message.ts';

/** How the receiver answered an event. */
export type WebhookAnswer =
  | { readonly kind: 'taken' }
  /** It wants to hear of this one no more. */
  | { readonly kind: 'gone'; readonly reason: string }
  /** Perhaps later. */
  | { readonly kind: 'refused'; readonly reason: string; readonly retryAfterMs: number };

const MAX_REASON = 300;

/** Sends a message and reads nothing but the status of the answer. Rejects only when the signal aborts. */
export async function postWebhook(
  url: string,
  { body, headers }: WebhookMessage,
  { timeoutMs, signal }: { readonly timeoutMs: number; readonly signal: AbortSignal },
): Promise<WebhookAnswer> {
  const late = AbortSignal.timeout(timeoutMs);
  try {
    const answer = await fetch(url, {
      method: 'POST',
      headers,
      body,
      // A signed message goes where its sender wanted it, and nowhere else.
      redirect: 'manual',
      signal: AbortSignal.any([signal, late]),
    });
    // Whatever else it says is not read, however long it is; that it cannot be read any more is no matter.
    await answer.body?.cancel().catch(() => undefined);
    return read(answer);
  } catch (error) {
    signal.throwIfAborted();
    const reason = late.aborted ? `no answer within ${timeoutMs} ms` : `cannot be reached: ${causeOf(error)}`;
    return { kind: 'refused', reason: reason.slice(0, MAX_REASON), retryAfterMs: 0 };
  }
}

function read({ ok, status, headers }: Response): WebhookAnswer {
  if (ok) return { kind: 'taken' };
  if (status === 410) return { kind: 'gone', reason: 'answered 410: it wants no more of this' };
  const redirected = status >= 300 && status < 400;
  const reason = redirected
    ? `answered ${status}, and redirects are not followed: set WEBHOOK_URL to where it leads`
    : `answered ${status}`;
  const asked = retryAfterMs({ 'retry-after': headers.get('retry-after') ?? undefined }, Date.now());
  return { kind: 'refused', reason, retryAfterMs: asked ?? 0 };
}

/** What `fetch` says is always "fetch failed"; its cause knows more. */
function causeOf(error: unknown): string {
  const { cause } = error as { readonly cause?: { readonly code?: string; readonly message?: string } };
  return cause?.code ?? cause?.message ?? String(error);
}
