import { createHmac } from 'node:crypto';
import type { EventRow } from '@llm-engine/storage';

export interface WebhookMessage {
  readonly body: string;
  readonly headers: Readonly<Record<string, string>>;
}

/**
 * What the receiver of an event gets, signed as Standard Webhooks say: the id is the same in each attempt, so that a receiver can
 * tell an event that it has seen; the time is that of the attempt, so that nobody can send it again later.
 */
export function webhookMessage(
  { id, type, createdAt, subject }: Pick<EventRow, 'id' | 'type' | 'createdAt' | 'subject'>,
  key: Buffer,
  now: Date,
): WebhookMessage {
  const body = JSON.stringify({ id, object: 'event', type, created_at: seconds(createdAt), data: { id: subject } });
  const timestamp = String(seconds(now));
  const signature = createHmac('sha256', key).update(`${id}.${timestamp}.${body}`).digest('base64');
  return {
    body,
    headers: {
      'content-type': 'application/json',
      'user-agent': 'llm-engine',
      'webhook-id': id,
      'webhook-timestamp': timestamp,
      'webhook-signature': `v1,${signature}`,
    },
  };
}

function seconds(time: Date): number {
  return Math.floor(time.getTime() / 1_000);
}
