import { webhookKey } from '@llm-engine/contracts';
import type { OnBatchEvent, WebhookOutcome, WebhookSettings } from '@llm-engine/contracts';
import type { TaskOutcome } from '@llm-engine/queue';
import type { EventRow, EventTable } from '@llm-engine/storage';
import { webhookMessage } from './message.ts';
import { WEBHOOK_PATIENCE, webhookBackoff } from './patience.ts';
import type { WebhookPatience } from './patience.ts';
import { postWebhook } from './post.ts';
import type { WebhookAnswer } from './post.ts';

export interface WebhookSenderOptions extends WebhookSettings {
  readonly events: EventTable;
  readonly onEvent: OnBatchEvent;
  readonly patience?: Partial<WebhookPatience>;
}

interface Recorded {
  readonly outcome: WebhookOutcome;
  readonly next: TaskOutcome;
}

/** A receiver that hangs must not take all the places of a worker in which batches are validated and finalised. */
const AT_ONCE = 2;
const BUSY_MS = 4_000;
const DONE: TaskOutcome = { kind: 'done' };

/**
 * Tells the webhook of events, each at least once, until it takes it.
 * 1. An event is a row: which of them are due, and after how many attempts, outlives every process.
 * 2. An attempt is short, and few are made at once; what waits for the next one holds nothing.
 * 3. What is refused for days is given up.
 */
export class WebhookSender {
  readonly #options: WebhookSenderOptions;
  readonly #patience: WebhookPatience;
  readonly #key: Buffer;
  #sending = 0;

  constructor(options: WebhookSenderOptions) {
    this.#options = options;
    this.#patience = { ...WEBHOOK_PATIENCE, ...options.patience };
    this.#key = webhookKey(options.secret);
  }

  /** Makes the attempt that is due. */
  async deliver(eventId: string, signal: AbortSignal): Promise<TaskOutcome> {
    if (this.#sending >= AT_ONCE) return again(BUSY_MS * (0.5 + Math.random()));
    this.#sending += 1;
    try {
      const event = await this.#options.events.get(eventId);
      if (event?.deliverAt == null) return DONE;
      const earlyMs = event.deliverAt.getTime() - Date.now();
      return earlyMs > 0 ? again(earlyMs) : await this.#attempt(event, signal);
    } finally {
      this.#sending -= 1;
    }
  }

  async #attempt(event: EventRow, signal: AbortSignal): Promise<TaskOutcome> {
    const { url } = this.#options;
    const startedAt = Date.now();
    const message = webhookMessage(event, this.#key, new Date(startedAt));
    const answer = await postWebhook(url, message, { timeoutMs: this.#patience.timeoutMs, signal });
    const { outcome, next } = await this.#record(event, answer);
    this.#options.onEvent({
      type: 'webhook',
      eventId: event.id,
      event: event.type,
      subject: event.subject,
      outcome,
      attempt: event.attempts + 1,
      runMs: Date.now() - startedAt,
      ...(answer.kind !== 'taken' && { error: answer.reason }),
    });
    return next;
  }

  async #record({ id, attempts: before, createdAt }: EventRow, answer: WebhookAnswer): Promise<Recorded> {
    const { events } = this.#options;
    const attempts = before + 1;
    if (answer.kind === 'taken') {
      await events.delivered(id, { attempts, at: new Date() });
      return { outcome: 'delivered', next: DONE };
    }
    const giveUp = async (): Promise<Recorded> => {
      await events.giveUp(id, { attempts, lastError: answer.reason });
      return { outcome: 'given-up', next: DONE };
    };
    if (answer.kind === 'gone') return giveUp();
    const delayMs = webhookBackoff(attempts, answer.retryAfterMs, this.#patience);
    const deliverAt = new Date(Date.now() + delayMs);
    if (deliverAt.getTime() - createdAt.getTime() > this.#patience.giveUpMs) return giveUp();
    await events.postpone(id, { attempts, deliverAt, lastError: answer.reason });
    return { outcome: 'postponed', next: again(delayMs) };
  }
}

function again(delayMs: number): TaskOutcome {
  return { kind: 'again', delayMs: Math.ceil(delayMs) };
}
