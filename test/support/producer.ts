import { startProducer } from '@llm-engine/producer';
import type { ProducerOptions, RunningProducer } from '@llm-engine/producer';
import type { Lease } from '@llm-engine/queue';
import type { ModelInfo, Outcome } from '@llm-engine/contracts';
import { createLogger } from '@llm-engine/observability';
import OpenAI, { APIError } from 'openai';
import type { ClientOptions } from 'openai';
import { TestEngine } from './engine.ts';

export const SILENT = createLogger({ service: 'producer', level: 'silent' });

type TestProducerOptions = Partial<Omit<ProducerOptions, 'logger' | 'port'>> & {
  readonly models?: readonly ModelInfo[];
  /** How jobs run. Default: nobody runs them. */
  readonly runJob?: (lease: Lease) => Promise<Outcome>;
};

export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly body: unknown;
}

/** A client of a producer over HTTP. */
export class ProducerClient {
  readonly url: string;
  readonly openai: OpenAI;

  constructor(url: string) {
    this.url = url;
    this.openai = this.client();
  }

  /** OpenAI's own client, which reports every error as it is unless told to try again. */
  client(options: Pick<ClientOptions, 'apiKey' | 'maxRetries' | 'fetch'> = {}): OpenAI {
    return new OpenAI({ baseURL: `${this.url}/v1`, apiKey: 'none', maxRetries: 0, ...options });
  }

  get(path: string, headers: Readonly<Record<string, string>> = {}): Promise<Answer> {
    return this.request(path, { headers });
  }

  /** Sends a body as it is when it is text, else as JSON. */
  post(path: string, body?: unknown, headers: Readonly<Record<string, string>> = {}): Promise<Answer> {
    const text = typeof body === 'string' ? body : JSON.stringify(body);
    return this.request(path, {
      method: 'POST',
      headers: { ...(body !== undefined && { 'content-type': 'application/json' }), ...headers },
      ...(body !== undefined && { body: text }),
    });
  }

  async request(path: string, init: RequestInit): Promise<Answer> {
    const response = await fetch(`${this.url}${path}`, init);
    const text = await response.text();
    const json = response.headers.get('content-type')?.startsWith('application/json') === true;
    return { status: response.status, headers: response.headers, body: json ? (JSON.parse(text) as unknown) : text };
  }
}

/** A producer over HTTP, in front of queues whose jobs the test runs. */
export class TestProducer extends ProducerClient implements AsyncDisposable {
  readonly engine: TestEngine;
  readonly #producer: RunningProducer;

  private constructor(engine: TestEngine, producer: RunningProducer) {
    super(producer.url);
    this.engine = engine;
    this.#producer = producer;
  }

  static async start({ models, runJob, ...options }: TestProducerOptions = {}): Promise<TestProducer> {
    const engine = await TestEngine.start({
      ...(models && { models }),
      ...(options.redisUrl !== undefined && { redisUrl: options.redisUrl }),
    });
    if (runJob !== undefined) await engine.consume(runJob);
    const { redisUrl, prefix } = engine;
    const producer = await startProducer({ redisUrl, prefix, port: 0, logger: SILENT, ...options });
    return new TestProducer(engine, producer);
  }

  /** Stops the producer, and leaves the queues. */
  close(): Promise<void> {
    return this.#producer.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#producer[Symbol.asyncDispose]();
    await this.engine[Symbol.asyncDispose]();
  }
}

/** All that an iterable yields. */
export async function collect<Item>(items: AsyncIterable<Item>): Promise<Item[]> {
  const collected: Item[] = [];
  for await (const item of items) collected.push(item);
  return collected;
}

/** The error that a call ends with. */
export async function refusalOf(call: PromiseLike<unknown>): Promise<APIError> {
  try {
    await call;
  } catch (error) {
    if (error instanceof APIError) return error;
    throw error;
  }
  throw new Error('The call was expected to fail, and did not.');
}

/** A whole answer of a chat model. */
export function chatCompletion(content: string): Outcome {
  return {
    kind: 'completed',
    result: {
      id: 'chatcmpl-1',
      object: 'chat.completion',
      created: 1_700_000_000,
      model: 'm',
      choices: [
        { index: 0, finish_reason: 'stop', logprobs: null, message: { role: 'assistant', content, refusal: null } },
      ],
      usage: { prompt_tokens: 3, completion_tokens: 2, total_tokens: 5 },
    },
    usage: { promptTokens: 3, completionTokens: 2, totalTokens: 5 },
    finishReason: 'stop',
  };
}

/** One chunk of a chat model's answer, as it goes over the wire. */
export function chatChunk(content: string): string {
  return JSON.stringify({
    id: 'chatcmpl-1',
    object: 'chat.completion.chunk',
    created: 1_700_000_000,
    model: 'm',
    choices: [{ index: 0, delta: { content }, finish_reason: null, logprobs: null }],
  });
}

export const CHAT = { model: 'm', messages: [{ role: 'user' as const, content: 'Hello' }] };
