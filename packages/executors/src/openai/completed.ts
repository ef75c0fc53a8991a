import { FailureError, usageSchema } from '@llm-engine/contracts';
import type { Completed, TokenUsage } from '@llm-engine/contracts';
import type { InferRequest } from '../executor.ts';
import type { Reply } from './exchange.ts';
import { frameFailure, malformed } from './failures.ts';
import { isObject, parseJson } from './json.ts';
import type { JsonObject } from './json.ts';
import { isError } from './streamed-answer.ts';

/** Reads a whole answer with a status of 2xx. */
export function parseAnswer(url: string, { endpoint, body: asked }: InferRequest, reply: Reply): JsonObject {
  const body = parseJson(reply.body.toString('utf8'));
  if (!isObject(body)) {
    const type = reply.headers['content-type'] ?? 'no content type';
    throw new FailureError(malformed(url, `answered ${reply.body.length} bytes that are no JSON object (${type})`));
  }
  if (isError(body)) throw new FailureError(frameFailure(url, asked.model, body));
  const list = endpoint === '/v1/embeddings' ? 'data' : 'choices';
  if (!Array.isArray(body[list])) throw new FailureError(malformed(url, `answered without '${list}'`));
  return body;
}

/** The outcome of an answer, under the name that the caller knows the model by. */
export function completed(answer: JsonObject, model: string, firstChunkMs: number | undefined): Completed {
  const usage = usageOf(answer);
  const finishReason = finishReasonOf(answer);
  return {
    kind: 'completed',
    result: answer['model'] === model ? answer : { ...answer, model },
    ...(usage === undefined ? {} : { usage }),
    ...(finishReason === undefined ? {} : { finishReason }),
    ...(firstChunkMs === undefined ? {} : { firstChunkMs }),
  };
}

function usageOf(answer: JsonObject): TokenUsage | undefined {
  const parsed = usageSchema.safeParse(answer['usage']);
  if (!parsed.success) return undefined;
  const { prompt_tokens: promptTokens, completion_tokens: completionTokens, total_tokens: totalTokens } = parsed.data;
  return { promptTokens, completionTokens, totalTokens };
}

function finishReasonOf({ choices }: JsonObject): string | undefined {
  const first: unknown = Array.isArray(choices) ? choices[0] : undefined;
  if (!isObject(first)) return undefined;
  return typeof first['finish_reason'] === 'string' ? first['finish_reason'] : undefined;
}
