import type { Tokenizer } from './tokenizer.ts';
import { specialTokenId } from './vocabulary.ts';

export interface ChatMessage {
  readonly role: 'system' | 'user' | 'assistant';
  readonly content: string;
}

/** One piece of a conversation, and whether the model is to learn to say it. */
export interface TemplatePart {
  readonly tokens: readonly number[];
  readonly spoken: boolean;
}

/** <|begin|> then, for each message, <|role|> text <|end|>. */
export function chatParts(tokenizer: Tokenizer, messages: readonly ChatMessage[]): TemplatePart[] {
  const parts: TemplatePart[] = [{ tokens: [specialTokenId('<|begin|>')], spoken: false }];
  for (const { role, content } of messages) {
    parts.push({ tokens: [specialTokenId(`<|${role}|>`)], spoken: false });
    parts.push({
      tokens: [...tokenizer.encode(content.trim()), specialTokenId('<|end|>')],
      spoken: role === 'assistant',
    });
  }
  return parts;
}

/** The conversation so far, ending where the assistant is to speak. */
export function chatPrompt(tokenizer: Tokenizer, messages: readonly ChatMessage[]): number[] {
  return [...chatParts(tokenizer, messages).flatMap((part) => part.tokens), specialTokenId('<|assistant|>')];
}

/** A prompt for plain completion: <|begin|> text. */
export function textPrompt(tokenizer: Tokenizer, text: string): number[] {
  return [specialTokenId('<|begin|>'), ...tokenizer.encode(text)];
}
