import type { InferenceBody } from '@llm-engine/contracts';
import type { InferRequest } from '../executor.ts';
import { isObject } from './json.ts';

export function wantsStream({ endpoint, body }: InferRequest): boolean {
  return endpoint !== '/v1/embeddings' && body.stream === true;
}

export function wantsUsage(body: InferenceBody): boolean {
  const options = body['stream_options'];
  return isObject(options) && options['include_usage'] === true;
}

/** How many choices the caller expects. */
export function expectedChoices(body: InferenceBody): number {
  const { n, prompt } = body;
  const prompts = Array.isArray(prompt) && typeof prompt[0] !== 'number' ? Math.max(prompt.length, 1) : 1;
  return (typeof n === 'number' && n > 1 ? n : 1) * prompts;
}

/** The body as the model server gets it: under its own name for the model, and asked for token counts. */
export function upstreamBody(request: InferRequest, upstreamModel: string, includeUsage: boolean): string {
  const { body } = request;
  if (!includeUsage || !wantsStream(request) || wantsUsage(body)) {
    return JSON.stringify(body.model === upstreamModel ? body : { ...body, model: upstreamModel });
  }
  const options = body['stream_options'];
  return JSON.stringify({
    ...body,
    model: upstreamModel,
    stream_options: { ...(isObject(options) ? options : {}), include_usage: true },
  });
}
