import { isObject } from './json.ts';
import type { JsonObject } from './json.ts';

type Fields = Record<string, unknown>;

/** Parts of a message that arrive piece by piece. Every other field arrives whole. */
const GROWING = new Set(['text', 'content', 'refusal', 'reasoning', 'reasoning_content', 'arguments', 'input']);

/** Puts the chunks of a stream together to the response body that the same request would have got without `stream`. */
export class Assembly {
  readonly #object: 'chat.completion' | 'text_completion';
  readonly #head: Fields = {};
  readonly #choices = new Map<number, Fields>();

  constructor(object: 'chat.completion' | 'text_completion') {
    this.#object = object;
  }

  add(chunk: JsonObject): void {
    const { choices, ...head } = chunk;
    assign(this.#head, head);
    if (!Array.isArray(choices)) return;
    for (const choice of choices) if (isObject(choice)) this.#addChoice(choice);
  }

  /** Whether each of the expected choices has said why it ended. */
  isComplete(expectedChoices: number): boolean {
    if (this.#choices.size < expectedChoices) return false;
    return [...this.#choices.values()].every((choice) => typeof choice['finish_reason'] === 'string');
  }

  body(): JsonObject {
    const choices = [...this.#choices.entries()].toSorted(([a], [b]) => a - b).map(([, choice]) => finish(choice));
    return { ...this.#head, object: this.#object, choices };
  }

  #addChoice({ index, delta, text, logprobs, ...rest }: JsonObject): void {
    const at = typeof index === 'number' ? index : 0;
    let choice = this.#choices.get(at);
    if (choice === undefined) {
      choice =
        this.#object === 'chat.completion'
          ? { index: at, message: { role: 'assistant', content: null, refusal: null }, logprobs: null }
          : { index: at, text: '', logprobs: null };
      choice['finish_reason'] = null;
      this.#choices.set(at, choice);
    }
    if (isObject(delta)) addDelta(nested(choice, 'message'), delta);
    if (typeof text === 'string') grow(choice, { text });
    if (isObject(logprobs)) addLists(nested(choice, 'logprobs'), logprobs);
    assign(choice, rest);
  }
}

function addDelta(message: Fields, { tool_calls: toolCalls, function_call: functionCall, ...rest }: JsonObject): void {
  grow(message, rest);
  if (isObject(functionCall)) grow(nested(message, 'function_call'), functionCall);
  if (!Array.isArray(toolCalls)) return;
  const calls = nested(message, 'tool_calls');
  toolCalls.forEach((call: unknown, position) => {
    if (!isObject(call)) return;
    const { index, function: fn, custom, ...fields } = call;
    const target = nested(calls, String(typeof index === 'number' ? index : position));
    assign(target, fields);
    if (isObject(fn)) grow(nested(target, 'function'), fn);
    if (isObject(custom)) grow(nested(target, 'custom'), custom);
  });
}

/** Tool calls are gathered by their index, which is not part of a whole message. */
function finish(choice: Fields): JsonObject {
  const { message } = choice;
  if (!isObject(message) || !isObject(message['tool_calls'])) return choice;
  const calls = Object.entries(message['tool_calls']).toSorted(([a], [b]) => Number(a) - Number(b));
  return { ...choice, message: { ...message, tool_calls: calls.map(([, call]) => call) } };
}

function grow(target: Fields, fields: JsonObject): void {
  for (const [key, value] of Object.entries(fields)) {
    if (value === null || value === undefined) continue;
    const before = target[key];
    const grows = typeof value === 'string' && typeof before === 'string' && GROWING.has(key);
    target[key] = grows ? before + value : value;
  }
}

function assign(target: Fields, fields: JsonObject): void {
  for (const [key, value] of Object.entries(fields)) {
    if (value !== null && value !== undefined) target[key] = value;
    else target[key] ??= value;
  }
}

/** Log probabilities are lists, of tokens or of numbers, that go on from chunk to chunk. */
function addLists(target: Fields, fields: JsonObject): void {
  for (const [key, value] of Object.entries(fields)) {
    const before = target[key];
    if (Array.isArray(before) && Array.isArray(value)) before.push(...value);
    else if (Array.isArray(value)) target[key] = [...value];
    else target[key] ??= value;
  }
}

function nested(target: Fields, key: string): Fields {
  const before = target[key];
  if (isFields(before)) return before;
  const fields: Fields = {};
  target[key] = fields;
  return fields;
}

function isFields(value: unknown): value is Fields {
  return isObject(value);
}
