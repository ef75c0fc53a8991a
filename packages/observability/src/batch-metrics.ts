import { BATCH_ENDS, WEBHOOK_OUTCOMES } from '@llm-engine/contracts';
import type { BatchEnd, LineTokens, WebhookOutcome } from '@llm-engine/contracts';
import { METRIC_PREFIX } from './registry.ts';
import type { MetricRegistry } from './registry.ts';

const GROUP_ENDS = ['completed', 'cancelled'] as const;

/** Throughput and ends of batches and groups, and what was told of them. */
export class BatchMetrics {
  readonly #lines;
  readonly #tokens;
  readonly #chunks;
  readonly #ended;
  readonly #groupsEnded;
  readonly #webhooks;

  constructor(registry: MetricRegistry) {
    const name = (rest: string): string => `${METRIC_PREFIX}${rest}`;
    this.#lines = registry.counter({
      name: name('batch_lines_total'),
      help: 'Lines of batches whose result is durable.',
      labels: ['model', 'outcome'],
    });
    this.#tokens = registry.counter({
      name: name('batch_tokens_total'),
      help: 'Tokens of lines of batches, as their model servers counted them.',
      labels: ['model', 'type'],
    });
    this.#chunks = registry.counter({
      name: name('batch_chunks_total'),
      help: 'Runs of chunks of batches that ended here: all lines done, or left to another run.',
      labels: ['outcome'],
    });
    this.#ended = registry.counter({
      name: name('batches_ended_total'),
      help: 'Batches that came to their end.',
      labels: ['status'],
    });
    this.#groupsEnded = registry.counter({
      name: name('groups_ended_total'),
      help: 'Groups whose jobs have all ended.',
      labels: ['state'],
    });
    this.#webhooks = registry.counter({
      name: name('webhook_attempts_total'),
      help: 'Attempts to tell the webhook of an event.',
      labels: ['outcome'],
    });
    // Rates need a first value.
    for (const outcome of ['sealed', 'left']) this.#chunks.inc({ outcome }, 0);
    for (const status of BATCH_ENDS) this.#ended.inc({ status }, 0);
    for (const state of GROUP_ENDS) this.#groupsEnded.inc({ state }, 0);
    for (const outcome of WEBHOOK_OUTCOMES) this.#webhooks.inc({ outcome }, 0);
  }

  linesEnded(model: string, completed: number, failed: number, tokens: LineTokens): void {
    this.#lines.inc({ model, outcome: 'completed' }, completed);
    this.#lines.inc({ model, outcome: 'failed' }, failed);
    this.#tokens.inc({ model, type: 'input' }, tokens.input);
    this.#tokens.inc({ model, type: 'output' }, tokens.output);
  }

  chunkEnded(outcome: 'sealed' | 'left'): void {
    this.#chunks.inc({ outcome });
  }

  ended(status: BatchEnd): void {
    this.#ended.inc({ status });
  }

  groupEnded(state: (typeof GROUP_ENDS)[number]): void {
    this.#groupsEnded.inc({ state });
  }

  told(outcome: WebhookOutcome): void {
    this.#webhooks.inc({ outcome });
  }
}
