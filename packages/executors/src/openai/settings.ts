import type { InferenceEndpoint } from '@llm-engine/contracts';
import type { CircuitOptions } from './circuit.ts';

/** One OpenAI-compatible server. Models that name the same server, with the same key and headers, share its slots. */
export interface EndpointSettings {
  /** Base URL, such as `http://gpu-1:8000/v1`. Without a path, `/v1` is meant. */
  readonly url: string;
  /** Sent as a bearer token. */
  readonly apiKey?: string;
  /** Sent with every request. */
  readonly headers?: Readonly<Record<string, string>>;
  /** Requests at once; more wait their turn. Default 64. Models that share the server get the smallest value. */
  readonly concurrency?: number;
  /** Bound on opening a connection, in milliseconds. Default 5,000. */
  readonly connectTimeoutMs?: number;
}

/** How a model's answers are asked for and bounded. */
export interface AnswerSettings {
  /** Bound on one whole answer, without the wait for a slot, in milliseconds. Default 600,000. */
  readonly timeoutMs?: number;
  /** Bound on the wait for the answer's headers, in milliseconds. Default: `timeoutMs`, since a plain answer starts when it is complete. */
  readonly headersTimeoutMs?: number;
  /** Longest silence inside an answer, in milliseconds. Default 120,000. */
  readonly idleTimeoutMs?: number;
  /** Largest answer, in bytes. Default 16 MiB. */
  readonly maxResponseBytes?: number;
  /** Ask for token counts in streams also when the caller does not. Default true; some old servers refuse it. */
  readonly includeUsage?: boolean;
  /** The queue pool of its jobs. Default `default`. */
  readonly pool?: string;
  /** The inference endpoints that the model answers. Default all. */
  readonly apis?: readonly InferenceEndpoint[];
}

export interface ServedModel extends AnswerSettings {
  readonly id: string;
  /** At least one. */
  readonly endpoints: readonly EndpointSettings[];
  /** The model's name on the servers. Default: its id. */
  readonly upstreamModel?: string;
  readonly ownedBy?: string;
}

/** A server whose own list says which models it has; each answers by its own name. */
export interface DiscoveredServer extends EndpointSettings, AnswerSettings {}

export interface OpenAIExecutorOptions {
  /** Default `openai`. */
  readonly name?: string;
  readonly models?: readonly ServedModel[];
  readonly servers?: readonly DiscoveredServer[];
  /** When an endpoint that fails is left alone. */
  readonly circuit?: CircuitOptions;
  /** How long a health answer of an endpoint is used again, in milliseconds. Default 5,000. */
  readonly healthTtlMs?: number;
  /** Bound on asking an endpoint for its health or its models, in milliseconds. Default 2,000. */
  readonly probeTimeoutMs?: number;
}

/** Answer settings with every default filled in. */
export interface AnswerLimits {
  readonly timeoutMs: number;
  readonly headersTimeoutMs: number;
  readonly idleTimeoutMs: number;
  readonly maxResponseBytes: number;
}

export function answerLimits(settings: AnswerSettings): AnswerLimits {
  const timeoutMs = settings.timeoutMs ?? 600_000;
  return {
    timeoutMs,
    headersTimeoutMs: settings.headersTimeoutMs ?? timeoutMs,
    idleTimeoutMs: settings.idleTimeoutMs ?? 120_000,
    maxResponseBytes: settings.maxResponseBytes ?? 16 * 1024 * 1024,
  };
}
