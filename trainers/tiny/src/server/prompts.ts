import type { Prompt } from '../inference/messages.ts';
import type { ChatMessage } from '../tokenizer/chat-template.ts';
import { invalid, isObject, missing, type Body } from './fields.ts';

const roles: Readonly<Record<string, ChatMessage['role']>> = {
  system: 'system',
  developer: 'system',
  user: 'user',
  assistant: 'assistant',
  // The model knows three roles; what a tool found is something it is told.
  tool: 'user',
  function: 'user',
};

/** The `messages` of a chat request. */
export function parseMessages(body: Body): ChatMessage[] {
  const messages = body['messages'];
  if (messages === undefined) throw missing('messages');
  if (!Array.isArray(messages) || messages.length === 0) {
    throw invalid('messages', '"messages" should be a list with at least one message.');
  }
  return messages.map((message: unknown, index) => {
    const at = `messages[${index}]`;
    if (!isObject(message)) throw invalid(at, `"${at}" should be an object.`);
    const role = typeof message['role'] === 'string' ? roles[message['role']] : undefined;
    if (!role) throw invalid(`${at}.role`, `"${at}.role" should be one of ${Object.keys(roles).join(', ')}.`);
    return { role, content: parseContent(message['content'], `${at}.content`) };
  });
}

/** A text, or parts that are all text. An assistant that only called tools has said nothing. */
function parseContent(content: unknown, at: string): string {
  if (content === undefined || content === null) return '';
  if (typeof content === 'string') return content;
  if (!Array.isArray(content)) throw invalid(at, `"${at}" should be a text or a list of text parts.`);
  return content
    .map((part: unknown) => {
      const isText = isObject(part) && part['type'] === 'text' && typeof part['text'] === 'string';
      if (!isText) throw invalid(at, `"${at}" may only hold parts of type "text": this model reads nothing else.`);
      return part['text'] as string;
    })
    .join('');
}

/** `prompt` of a completion, `input` of an embedding: a text, tokens, or a list of either. */
export function parsePrompts(body: Body, name: string, most: number): Prompt[] {
  const value = body[name];
  if (value === undefined || value === null) throw missing(name);
  const items: readonly unknown[] = Array.isArray(value) && !isTokens(value) ? value : [value];
  if (items.length === 0 || items.length > most) {
    throw invalid(name, `"${name}" should hold from 1 to ${most} entries; it holds ${items.length}.`);
  }
  return items.map((item): Prompt => {
    if (typeof item === 'string') return { kind: 'text', text: item };
    if (isTokens(item)) return { kind: 'tokens', tokens: item };
    throw invalid(name, `"${name}" should be a text, a list of token numbers, or a list of these.`);
  });
}

function isTokens(value: unknown): value is readonly number[] {
  return Array.isArray(value) && value.length > 0 && value.every((item) => Number.isInteger(item) && item >= 0);
}
