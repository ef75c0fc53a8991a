import type { InferenceEndpoint } from '@llm-engine/contracts';

type JsonObject = Readonly<Record<string, unknown>>;

const MAX_MODEL_CHARS = 512;
const ROLES: ReadonlySet<unknown> = new Set(['developer', 'system', 'user', 'assistant', 'tool', 'function']);

/**
 * Whether the body is one that the endpoint's schema takes: in a tenth of the time, and it stops at the first thing that is
 * wrong. Takes nothing that the schema refuses; what is not taken here is for the schema to judge.
 */
export function isRequestBody(
  endpoint: InferenceEndpoint,
  body: unknown,
): body is JsonObject & { readonly model: string } {
  if (!isObject(body)) return false;
  const { model } = body;
  if (typeof model !== 'string' || model.length === 0 || model.length > MAX_MODEL_CHARS) return false;
  switch (endpoint) {
    case '/v1/chat/completions':
      return isStreamSetting(body) && isMessages(body['messages']);
    case '/v1/completions':
      return isStreamSetting(body) && (isNullish(body['prompt']) || isTextOrTokens(body['prompt'], 0));
    case '/v1/embeddings':
      return isVectorSetting(body) && isTextOrTokens(body['input'], 1);
  }
}

/** Arrays are no objects here, as they are none to a schema. */
export function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isNullish(value: unknown): value is null | undefined {
  return value === undefined || value === null;
}

function isStreamSetting({ stream, stream_options: options }: JsonObject): boolean {
  if (!isNullish(stream) && typeof stream !== 'boolean') return false;
  if (isNullish(options)) return true;
  if (!isObject(options)) return false;
  const { include_usage: includeUsage } = options;
  return isNullish(includeUsage) || typeof includeUsage === 'boolean';
}

function isVectorSetting({ encoding_format: format, dimensions }: JsonObject): boolean {
  if (!isNullish(format) && format !== 'float' && format !== 'base64') return false;
  return isNullish(dimensions) || (isCount(dimensions) && dimensions > 0);
}

function isMessages(value: unknown): boolean {
  return Array.isArray(value) && value.length > 0 && value.every(isMessage);
}

function isMessage(value: unknown): boolean {
  if (!isObject(value) || !ROLES.has(value['role'])) return false;
  const { content } = value;
  return typeof content === 'string' || isNullish(content) || (Array.isArray(content) && content.every(isContentPart));
}

function isContentPart(value: unknown): boolean {
  return isObject(value) && typeof value['type'] === 'string';
}

/** A text, texts, tokens, or lists of tokens; lists of `least` entries or more. */
function isTextOrTokens(value: unknown, least: 0 | 1): boolean {
  if (typeof value === 'string') return true;
  if (!Array.isArray(value) || value.length < least) return false;
  const [first] = value as readonly unknown[];
  if (typeof first === 'string') return value.every((entry) => typeof entry === 'string');
  if (Array.isArray(first)) return value.every((entry) => isTokens(entry, least));
  return value.every(isCount);
}

function isTokens(value: unknown, least: 0 | 1): boolean {
  return Array.isArray(value) && value.length >= least && value.every(isCount);
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}
