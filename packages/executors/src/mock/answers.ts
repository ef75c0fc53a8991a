import { FailureError, failure } from '@llm-engine/contracts';
import type { InferenceBody, InferenceEndpoint, TokenUsage } from '@llm-engine/contracts';
import { seededRandom, seedOf } from './random.ts';

/** What the mock will say to one request, before it is put into an endpoint's shape. */
export interface MockAnswer {
  readonly id: string;
  /** Unix seconds. */
  readonly created: number;
  readonly model: string;
  readonly endpoint: Exclude<InferenceEndpoint, '/v1/embeddings'>;
  readonly choices: number;
  /** The words of each choice, cut to `max_tokens`; all choices say the same. */
  readonly tokens: readonly string[];
  readonly finishReason: 'stop' | 'length';
  readonly promptTokens: number;
}

interface AnswerOptions {
  readonly jobId: string;
  readonly body: InferenceBody;
  readonly endpoint: MockAnswer['endpoint'];
  readonly reply: string | undefined;
  readonly created: number;
}

/** Longest part of a prompt that the usual reply repeats, in characters. */
const MAX_ECHO = 200;
const DEFAULT_DIMENSIONS = 8;
const MAX_DIMENSIONS = 4096;

export function planAnswer({ jobId, body, endpoint, reply, created }: AnswerOptions): MockAnswer {
  const prompt = endpoint === '/v1/chat/completions' ? chatPrompt(body) : texts(body['prompt']);
  const last = prompt.at(-1) ?? '';
  const words = tokenize(reply ?? `Mock reply to: ${last.slice(0, MAX_ECHO)}`);
  const limit = positive(body['max_completion_tokens']) ?? positive(body['max_tokens']) ?? words.length;
  return {
    id: `${endpoint === '/v1/chat/completions' ? 'chatcmpl' : 'cmpl'}-${jobId}`,
    created,
    model: body.model,
    endpoint,
    choices: positive(body['n']) ?? 1,
    tokens: words.slice(0, limit),
    finishReason: limit < words.length ? 'length' : 'stop',
    promptTokens: prompt.reduce((sum, text) => sum + tokenize(text).length, 0),
  };
}

/** The whole response body. */
export function answerBody(answer: MockAnswer): Record<string, unknown> {
  const text = answer.tokens.join('');
  const { finishReason: finish_reason } = answer;
  const chat = answer.endpoint === '/v1/chat/completions';
  return {
    ...head(answer, chat ? 'chat.completion' : 'text_completion'),
    choices: indexes(answer).map((index) =>
      chat
        ? { index, message: { role: 'assistant', content: text, refusal: null }, logprobs: null, finish_reason }
        : { index, text, logprobs: null, finish_reason },
    ),
    usage: usage(answer),
  };
}

/** The chunks of a streamed answer, in order. */
export function* answerChunks(answer: MockAnswer, includeUsage: boolean): Generator<Record<string, unknown>> {
  const chat = answer.endpoint === '/v1/chat/completions';
  const chunkHead = head(answer, chat ? 'chat.completion.chunk' : 'text_completion');
  const chunk = (index: number, text: string | undefined, finish_reason: string | null, role?: string): object => {
    const delta = {
      ...(role === undefined ? {} : { role, refusal: null }),
      ...(text === undefined ? {} : { content: text }),
    };
    const said = chat ? { delta } : { text: text ?? '' };
    return { ...chunkHead, choices: [{ index, ...said, logprobs: null, finish_reason }] };
  };
  if (chat) for (const index of indexes(answer)) yield { ...chunk(index, '', null, 'assistant') };
  for (const token of answer.tokens) for (const index of indexes(answer)) yield { ...chunk(index, token, null) };
  for (const index of indexes(answer)) yield { ...chunk(index, undefined, answer.finishReason) };
  if (includeUsage) yield { ...chunkHead, choices: [], usage: usage(answer) };
}

/** Vectors of length 1 that depend on nothing but the input. */
export function embeddingsBody(body: InferenceBody): { body: Record<string, unknown>; usage: TokenUsage } {
  const inputs = texts(body['input']);
  const dimensions = positive(body['dimensions']) ?? DEFAULT_DIMENSIONS;
  if (dimensions > MAX_DIMENSIONS) {
    const message = `The mock makes at most ${MAX_DIMENSIONS} dimensions; ask for fewer.`;
    throw new FailureError(failure('bad_request', message, { param: 'dimensions' }));
  }
  const tokens = inputs.reduce((sum, text) => sum + tokenize(text).length, 0);
  const base64 = body['encoding_format'] === 'base64';
  const data = inputs.map((text, index) => {
    const vector = unitVector(text, dimensions);
    const embedding = base64 ? Buffer.from(vector.buffer).toString('base64') : [...vector];
    return { object: 'embedding', index, embedding };
  });
  return {
    body: { object: 'list', model: body.model, data, usage: { prompt_tokens: tokens, total_tokens: tokens } },
    usage: { promptTokens: tokens, completionTokens: 0, totalTokens: tokens },
  };
}

function head({ id, created, model }: MockAnswer, object: string): Record<string, unknown> {
  return { id, object, created, model };
}

export function tokenUsage({ promptTokens, tokens, choices }: MockAnswer): TokenUsage {
  const completionTokens = tokens.length * choices;
  return { promptTokens, completionTokens, totalTokens: promptTokens + completionTokens };
}

function usage(answer: MockAnswer): Record<string, number> {
  const { promptTokens, completionTokens, totalTokens } = tokenUsage(answer);
  return { prompt_tokens: promptTokens, completion_tokens: completionTokens, total_tokens: totalTokens };
}

function indexes({ choices }: MockAnswer): readonly number[] {
  return Array.from({ length: choices }, (_, index) => index);
}

function unitVector(text: string, dimensions: number): Float32Array {
  const random = seededRandom(seedOf(text));
  const vector = Float32Array.from({ length: dimensions }, () => random() * 2 - 1);
  const length = Math.hypot(...vector) || 1;
  return vector.map((value) => value / length);
}

/** A word with the space before it is a token. */
function tokenize(text: string): readonly string[] {
  return text.match(/\s*\S+/g) ?? [];
}

function chatPrompt(body: InferenceBody): readonly string[] {
  const { messages } = body;
  if (!Array.isArray(messages)) return [];
  return messages.map((message: unknown) => contentOf(message));
}

function contentOf(message: unknown): string {
  if (typeof message !== 'object' || message === null || !('content' in message)) return '';
  const { content } = message;
  if (typeof content === 'string') return content;
  if (!Array.isArray(content)) return '';
  return content
    .map((part: unknown) =>
      typeof part === 'object' && part !== null && 'text' in part && typeof part.text === 'string' ? part.text : '',
    )
    .join('');
}

/** A text, texts, tokens, or lists of tokens: as texts. */
function texts(value: unknown): readonly string[] {
  if (typeof value === 'string') return [value];
  if (!Array.isArray(value)) return [];
  if (value.every((item) => typeof item === 'number')) return [value.join(' ')];
  return value.map((item: unknown) => (Array.isArray(item) ? item.join(' ') : String(item)));
}

function positive(value: unknown): number | undefined {
  return typeof value === 'number' && Number.isInteger(value) && value > 0 ? value : undefined;
}
