import { z } from 'zod';
import { modelName, streamOptions } from './common.ts';

const tokens = z.array(z.int().nonnegative());

/** `POST /v1/completions`: a prompt as text, texts, tokens, or lists of tokens. */
export const completionRequest = z.looseObject({
  model: modelName,
  prompt: z.union([z.string(), z.array(z.string()), tokens, z.array(tokens)]).nullish(),
  stream: z.boolean().nullish(),
  stream_options: streamOptions,
});

export type CompletionRequest = z.infer<typeof completionRequest>;
