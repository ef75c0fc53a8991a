import { z } from 'zod';
import { modelName, streamOptions } from './common.ts';

const ROLES = ['developer', 'system', 'user', 'assistant', 'tool', 'function'] as const;

const message = z.looseObject({
  role: z.enum(ROLES),
  content: z.union([z.string(), z.array(z.looseObject({ type: z.string() })), z.null()]).optional(),
});

/** `POST /v1/chat/completions`. Fields that we do not read pass through to the model server, which knows them better. */
export const chatCompletionRequest = z.looseObject({
  model: modelName,
  messages: z.array(message).min(1, 'must hold at least one message'),
  stream: z.boolean().nullish(),
  stream_options: streamOptions,
});

export type ChatCompletionRequest = z.infer<typeof chatCompletionRequest>;
