import type { ChatMessage } from '../tokenizer/chat-template.ts';
import type { SamplingOptions } from './sampling.ts';

/** What the HTTP thread and the inference thread say to each other. Both sides are ours: nothing is parsed again. */
export type WorkerRequest = GenerateRequest | EmbedRequest | CancelRequest;

export type Prompt =
  | { readonly kind: 'chat'; readonly messages: readonly ChatMessage[] }
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'tokens'; readonly tokens: readonly number[] };

export interface GenerateRequest {
  readonly kind: 'generate';
  readonly id: number;
  readonly prompts: readonly Prompt[];
  /** Answers to each prompt; choice `p * choices + c` is the c-th answer to prompt p. */
  readonly choices: number;
  readonly sampling: SamplingOptions;
  readonly seed: number;
  /** For each choice. Null: as many as the context holds. */
  readonly maxTokens: number | null;
  readonly stop: readonly string[];
}

export interface EmbedRequest {
  readonly kind: 'embed';
  readonly id: number;
  readonly inputs: readonly Prompt[];
}

/** The answer is not wanted any more; nothing more is said about it. */
interface CancelRequest {
  readonly kind: 'cancel';
  readonly id: number;
}

export type FinishReason = 'stop' | 'length';

export type WorkerReply =
  | { readonly kind: 'ready' }
  | { readonly kind: 'started'; readonly id: number; readonly promptTokens: number }
  | { readonly kind: 'text'; readonly id: number; readonly choice: number; readonly text: string }
  | {
      readonly kind: 'finished';
      readonly id: number;
      readonly choice: number;
      readonly reason: FinishReason;
      readonly completionTokens: number;
    }
  | {
      readonly kind: 'embedded';
      readonly id: number;
      /** One vector of length one for each input, in order. */
      readonly vectors: readonly Float32Array[];
      readonly promptTokens: number;
    }
  | { readonly kind: 'rejected'; readonly id: number; readonly reason: Rejection };

/** Why a request cannot run, found out only where the tokens are counted. */
export type Rejection =
  | { readonly kind: 'context'; readonly tokens: number; readonly context: number }
  | { readonly kind: 'token'; readonly token: number; readonly vocabularySize: number }
  | { readonly kind: 'overloaded'; readonly waiting: number };
