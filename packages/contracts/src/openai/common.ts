import { z } from 'zod';

/** Token counts as chat completions and completions report them. */
export const usageSchema = z.looseObject({
  prompt_tokens: z.int().nonnegative().default(0),
  completion_tokens: z.int().nonnegative().default(0),
  total_tokens: z.int().nonnegative().default(0),
});

/** The inference endpoints. A job names one; its body has that endpoint's shape. */
export const INFERENCE_ENDPOINTS = ['/v1/chat/completions', '/v1/completions', '/v1/embeddings'] as const;
export type InferenceEndpoint = (typeof INFERENCE_ENDPOINTS)[number];

export const modelName = z
  .string({ error: 'must be a string that names a model' })
  .min(1, 'must name a model')
  .max(512, 'must be at most 512 characters');

export const streamOptions = z.looseObject({ include_usage: z.boolean().nullish() }).nullish();
