import { randomUUID } from 'node:crypto';
import type { FinishReason } from '../inference/messages.ts';

export interface Choice {
  readonly index: number;
  readonly text: string;
  readonly reason: FinishReason;
}

export interface Usage {
  readonly prompt_tokens: number;
  readonly completion_tokens: number;
  readonly total_tokens: number;
}

/** What the frames of one answer look like: chat and plain completion differ in nothing else. */
export interface AnswerShape {
  readonly whole: (choices: readonly Choice[], usage: Usage) => object;
  /** The first frame of a choice, before its text; completions have none. */
  readonly opening: (index: number) => object | undefined;
  readonly text: (index: number, text: string) => object;
  readonly finish: (index: number, reason: FinishReason) => object;
  /** The last frame of a stream that was asked for its usage. */
  readonly usage: (usage: Usage) => object;
}

export function chatShape(model: string): AnswerShape {
  const head = answerHead('chatcmpl', model);
  const chunk = (index: number, delta: object, reason: FinishReason | null) => ({
    ...head,
    object: 'chat.completion.chunk',
    choices: [{ index, delta, logprobs: null, finish_reason: reason }],
  });
  return {
    whole: (choices, usage) => ({
      ...head,
      object: 'chat.completion',
      choices: choices.map(({ index, text, reason }) => ({
        index,
        message: { role: 'assistant', content: text, refusal: null },
        logprobs: null,
        finish_reason: reason,
      })),
      usage,
    }),
    opening: (index) => chunk(index, { role: 'assistant', content: '' }, null),
    text: (index, text) => chunk(index, { content: text }, null),
    finish: (index, reason) => chunk(index, {}, reason),
    usage: (usage) => ({ ...head, object: 'chat.completion.chunk', choices: [], usage }),
  };
}

export function completionShape(model: string): AnswerShape {
  const head = { ...answerHead('cmpl', model), object: 'text_completion' };
  const chunk = (index: number, text: string, reason: FinishReason | null) => ({
    ...head,
    choices: [{ index, text, logprobs: null, finish_reason: reason }],
  });
  return {
    whole: (choices, usage) => ({
      ...head,
      choices: choices.map(({ index, text, reason }) => ({ index, text, logprobs: null, finish_reason: reason })),
      usage,
    }),
    opening: () => undefined,
    text: (index, text) => chunk(index, text, null),
    finish: (index, reason) => chunk(index, '', reason),
    usage: (usage) => ({ ...head, choices: [], usage }),
  };
}

function answerHead(prefix: string, model: string): { id: string; created: number; model: string } {
  return { id: `${prefix}-${randomUUID()}`, created: Math.floor(Date.now() / 1000), model };
}

export function usageOf(promptTokens: number, completionTokens: number): Usage {
  return {
    prompt_tokens: promptTokens,
    completion_tokens: completionTokens,
    total_tokens: promptTokens + completionTokens,
  };
}
