import type { FailureClass, InferenceEndpoint, TokenUsage } from '@llm-engine/contracts';
import { boundedLabel } from './bounded-label.ts';
import { knownErrorType } from './job-metrics.ts';
import type { MetricRegistry } from './registry.ts';

// OpenTelemetry's names for generative AI are still in development: they stand in this file and nowhere else.
const LABELS = ['gen_ai_operation_name', 'gen_ai_provider_name', 'gen_ai_request_model'] as const;
const OPERATIONS = {
  '/v1/chat/completions': 'chat',
  '/v1/completions': 'text_completion',
  '/v1/embeddings': 'embeddings',
} as const satisfies Record<InferenceEndpoint, string>;

/** The buckets that the conventions ask for, in seconds. */
const OPERATION_BUCKETS = [0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.28, 2.56, 5.12, 10.24, 20.48, 40.96, 81.92];
const FIRST_CHUNK_BUCKETS = [0.001, 0.005, 0.01, 0.02, 0.04, 0.06, 0.08, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10];
const OUTPUT_CHUNK_BUCKETS = [0.01, 0.025, 0.05, 0.075, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.75, 1, 2.5];
/** Different models that keep their names in labels; each costs some 50 series. */
const MAX_MODELS = 100;

/** One call of a model. */
export interface ModelCall {
  readonly endpoint: InferenceEndpoint;
  /** Who answered: the name of the executor. */
  readonly provider: string;
  readonly model: string;
}

/** What model servers did for inference jobs: durations and tokens. */
export class GenAiMetrics {
  readonly #duration;
  readonly #firstChunk;
  readonly #outputChunk;
  readonly #inputTokens;
  readonly #outputTokens;
  readonly #boundedModel = boundedLabel(MAX_MODELS);

  constructor(registry: MetricRegistry) {
    this.#duration = registry.histogram(
      {
        name: 'gen_ai_client_operation_duration_seconds',
        help: 'Duration of a call to a model server.',
        labels: [...LABELS, 'error_type'],
      },
      OPERATION_BUCKETS,
    );
    this.#firstChunk = registry.histogram(
      {
        name: 'gen_ai_client_operation_time_to_first_chunk_seconds',
        help: 'Streaming only: until the first chunk of the answer.',
        labels: LABELS,
      },
      FIRST_CHUNK_BUCKETS,
    );
    this.#outputChunk = registry.histogram(
      {
        name: 'gen_ai_client_operation_time_per_output_chunk_seconds',
        help: 'Streaming only: between two chunks of the answer. A chunk is not a token.',
        labels: LABELS,
      },
      OUTPUT_CHUNK_BUCKETS,
    );
    this.#inputTokens = registry.counter({
      name: 'gen_ai_client_inference_usage_input_tokens_total',
      help: 'Tokens of prompts, as the model server counted them.',
      labels: LABELS,
    });
    this.#outputTokens = registry.counter({
      name: 'gen_ai_client_inference_usage_output_tokens_total',
      help: 'Tokens of answers, as the model server counted them.',
      labels: LABELS,
    });
  }

  answered(
    call: ModelCall,
    seconds: { readonly total: number; readonly firstChunk?: number },
    usage?: TokenUsage,
  ): void {
    const labels = this.#labels(call);
    this.#duration.observe(labels, seconds.total);
    if (seconds.firstChunk !== undefined) this.#firstChunk.observe(labels, seconds.firstChunk);
    this.#inputTokens.inc(labels, usage?.promptTokens ?? 0);
    this.#outputTokens.inc(labels, usage?.completionTokens ?? 0);
  }

  failed(call: ModelCall, seconds: number, errorType: FailureClass): void {
    this.#duration.observe({ ...this.#labels(call), error_type: knownErrorType(errorType) }, seconds);
  }

  /** The time since the chunk before, for every chunk after the first. */
  chunk(call: ModelCall, seconds: number): void {
    this.#outputChunk.observe(this.#labels(call), seconds);
  }

  #labels({ endpoint, provider, model }: ModelCall): Record<(typeof LABELS)[number], string> {
    return {
      gen_ai_operation_name: OPERATIONS[endpoint],
      gen_ai_provider_name: provider,
      gen_ai_request_model: this.#boundedModel(model),
    };
  }
}
