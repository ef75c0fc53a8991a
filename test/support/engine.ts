import { randomUUID } from 'node:crypto';
import { Consumer, Inspector, ModelCatalogue, Producer, QueueConnection, inferenceQueue } from '@llm-engine/queue';
import type { ConsumerOptions, Lease, ProducerOptions } from '@llm-engine/queue';
import type { InferenceSubmission, JobEvent, ModelInfo, Outcome } from '@llm-engine/contracts';
import { inject } from 'vitest';

export function randomPrefix(): string {
  return `test-${randomUUID()}`;
}

export function modelInfo(id: string, overrides: Partial<ModelInfo> = {}): ModelInfo {
  return {
    id,
    executor: 'scripted',
    pool: 'default',
    endpoints: ['/v1/chat/completions', '/v1/completions', '/v1/embeddings'],
    trainable: true,
    ownedBy: 'test',
    created: 1_700_000_000,
    ...overrides,
  };
}

export function chat(content = 'Hello', overrides: Partial<InferenceSubmission> = {}): InferenceSubmission {
  return {
    kind: 'inference',
    endpoint: '/v1/chat/completions',
    body: { model: 'm', messages: [{ role: 'user', content }] },
    ...overrides,
  };
}

export const ANSWER: Outcome = { kind: 'completed', result: { ok: true } };

type ConsumerSettings = Partial<Omit<ConsumerOptions, 'redisUrl' | 'runJob'>>;

/**
 * An engine's queues under a prefix of their own, on the shared Redis unless told otherwise: a producer, and consumers
 * whose runs the test scripts. `events` holds what consumers and producer told; `event` waits for one.
 */
export class TestEngine implements AsyncDisposable {
  readonly redisUrl: string;
  readonly prefix: string;
  readonly connection: QueueConnection;
  readonly producer: Producer;
  readonly inspector: Inspector;
  readonly events: JobEvent[] = [];
  readonly #resources = new AsyncDisposableStack();
  readonly #waiting = new Set<() => void>();

  private constructor(redisUrl: string, prefix: string, options: ProducerOptions) {
    this.redisUrl = redisUrl;
    this.prefix = prefix;
    this.connection = this.#resources.use(new QueueConnection({ redisUrl, prefix }));
    this.producer = new Producer(this.connection, { onEvent: this.onEvent, ...options });
    this.inspector = new Inspector(this.connection, { onEvent: this.onEvent });
  }

  static async start({
    redisUrl = inject('redisUrl'),
    prefix = randomPrefix(),
    models = [modelInfo('m')],
    ...options
  }: ProducerOptions & {
    redisUrl?: string;
    prefix?: string;
    models?: readonly ModelInfo[];
  } = {}): Promise<TestEngine> {
    const engine = new TestEngine(redisUrl, prefix, options);
    await engine.connection.waitUntilReady();
    await new ModelCatalogue(engine.connection).announce(models);
    return engine;
  }

  /** A consumer of the default pool with a connection of its own, as in another process. */
  async consume(runJob: (lease: Lease) => Promise<Outcome>, settings: ConsumerSettings = {}): Promise<Consumer> {
    const { redisUrl, prefix } = this;
    const connection = this.#resources.use(new QueueConnection({ redisUrl, prefix, patience: 'patient' }));
    const consumer = new Consumer(connection, {
      redisUrl,
      queue: inferenceQueue('default'),
      concurrency: 5,
      backoff: { baseMs: 5, capMs: 20 },
      onEvent: this.onEvent,
      ...settings,
      runJob,
    });
    this.#resources.defer(() => consumer.close());
    await consumer.start();
    return consumer;
  }

  readonly onEvent = (event: JobEvent): void => {
    this.events.push(event);
    for (const look of this.#waiting) look();
  };

  /** The first event, past or to come, that matches. */
  async event(matches: (event: JobEvent) => boolean): Promise<JobEvent> {
    const { promise, resolve } = Promise.withResolvers<JobEvent>();
    const look = (): void => {
      const found = this.events.find(matches);
      if (found !== undefined) resolve(found);
    };
    this.#waiting.add(look);
    look();
    try {
      return await promise;
    } finally {
      this.#waiting.delete(look);
    }
  }

  /** How many events of this type there were. */
  count(type: JobEvent['type']): number {
    return this.events.filter((event) => event.type === type).length;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#resources.disposeAsync();
  }
}

/** Resolves when the signal aborts. */
export function aborted(signal: AbortSignal): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  if (signal.aborted) resolve();
  signal.addEventListener('abort', () => resolve(), { once: true });
  return promise;
}
