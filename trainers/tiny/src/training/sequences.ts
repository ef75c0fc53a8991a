import { chatParts, textPrompt } from '../tokenizer/chat-template.ts';
import type { ChatMessage } from '../tokenizer/chat-template.ts';
import type { Tokenizer } from '../tokenizer/tokenizer.ts';
import { specialTokenId } from '../tokenizer/vocabulary.ts';
import type { TrainingSequence } from './batch.ts';

/** A chat to learn from: only what the assistant says counts. */
export function chatSequence(tokenizer: Tokenizer, messages: readonly ChatMessage[]): TrainingSequence {
  const parts = chatParts(tokenizer, messages);
  return {
    tokens: parts.flatMap((part) => part.tokens),
    weights: parts.flatMap((part) => part.tokens.map(() => (part.spoken ? 1 : 0))),
  };
}

/** A text to learn from: every token counts. */
export function textSequence(tokenizer: Tokenizer, text: string): TrainingSequence {
  const tokens = [...textPrompt(tokenizer, text), specialTokenId('<|end|>')];
  return { tokens, weights: tokens.map(() => 1) };
}

/** What goes beyond the model's context is left out. */
export function truncated({ tokens, weights }: TrainingSequence, context: number): TrainingSequence {
  return { tokens: tokens.slice(0, context), weights: weights.slice(0, context) };
}
