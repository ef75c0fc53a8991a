import { z } from 'zod';
import { modelName } from './common.ts';

const tokens = z.array(z.int().nonnegative()).min(1);

/** `POST /v1/embeddings`. OpenAI's client asks for `base64` unless told otherwise. */
export const embeddingRequest = z.looseObject({
  model: modelName,
  input: z.union([z.string(), z.array(z.string()).min(1), tokens, z.array(tokens).min(1)], {
    error: 'must be a string, an array of strings, or tokens, and not empty',
  }),
  encoding_format: z.enum(['float', 'base64']).nullish(),
  dimensions: z.int().positive().nullish(),
});

export type EmbeddingRequest = z.infer<typeof embeddingRequest>;
