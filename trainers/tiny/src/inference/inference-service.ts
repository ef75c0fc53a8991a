import type { LanguageModel } from '../model/model-file.ts';
import { combineSeeds } from '../random.ts';
import { chatPrompt, textPrompt } from '../tokenizer/chat-template.ts';
import type { Tokenizer } from '../tokenizer/tokenizer.ts';
import { createDecoder } from './decoder.ts';
import { createGeneration, type Generation, type GenerationListener } from './generation.ts';
import { createCache } from './key-value-cache.ts';
import type { EmbedRequest, GenerateRequest, Prompt, Rejection, WorkerReply, WorkerRequest } from './messages.ts';
import { createScheduler } from './scheduler.ts';
import { createTextEmbedding, type TextEmbedding } from './text-embedding.ts';

export interface InferenceService {
  handle(request: WorkerRequest): void;
  /** Does one pass of work; false when there is none. */
  step(): boolean;
}

/** Requests are refused while more sequences than this wait. */
const maxWaiting = 4096;

/** Turns requests into sequences and what becomes of them into replies. Runs in the inference thread, and in tests without one. */
export function createInferenceService(model: LanguageModel, reply: (reply: WorkerReply) => void): InferenceService {
  const { config, tokenizer } = model;
  const scheduler = createScheduler(createDecoder(model), tokenizer);

  const reject = (prompts: readonly (readonly number[])[], room: number): Rejection | undefined => {
    if (scheduler.waiting() >= maxWaiting) return { kind: 'overloaded', waiting: scheduler.waiting() };
    for (const tokens of prompts) {
      const token = tokens.find((token) => token >= config.vocabularySize);
      if (token !== undefined) return { kind: 'token', token, vocabularySize: config.vocabularySize };
      if (tokens.length > config.context - room) {
        return { kind: 'context', tokens: tokens.length, context: config.context };
      }
    }
    return undefined;
  };

  const generate = (request: GenerateRequest): void => {
    const { id, choices } = request;
    const prompts = request.prompts.map((prompt) => promptTokens(tokenizer, prompt));
    // One token of room at least, or there is nothing to say.
    const reason = reject(prompts, 1);
    if (reason) return reply({ kind: 'rejected', id, reason });
    reply({ kind: 'started', id, promptTokens: total(prompts) });
    scheduler.add(
      prompts.flatMap((prompt, p) =>
        Array.from({ length: choices }, (_, c): Generation => {
          const choice = p * choices + c;
          const room = config.context - prompt.length;
          return createGeneration({
            owner: id,
            cache: createCache(config),
            prompt,
            options: {
              ...request.sampling,
              stop: request.stop,
              seed: combineSeeds(request.seed, choice),
              maxTokens: Math.min(request.maxTokens ?? room, room),
            },
            listener: choiceListener(id, choice, reply),
          });
        }),
      ),
    );
  };

  const embed = ({ id, inputs }: EmbedRequest): void => {
    const prompts = inputs.map((input) => promptTokens(tokenizer, input));
    const reason = reject(prompts, 0);
    if (reason) return reply({ kind: 'rejected', id, reason });
    const vectors: Float32Array[] = [];
    let left = prompts.length;
    scheduler.add(
      prompts.map((pending, index): TextEmbedding =>
        createTextEmbedding({
          owner: id,
          cache: createCache(config),
          pending,
          width: config.width,
          onFinish: (vector) => {
            vectors[index] = vector;
            if (--left === 0) reply({ kind: 'embedded', id, vectors, promptTokens: total(prompts) });
          },
        }),
      ),
    );
  };

  return {
    handle: (request) => {
      switch (request.kind) {
        case 'generate':
          return generate(request);
        case 'embed':
          return embed(request);
        case 'cancel':
          return scheduler.cancel(request.id);
      }
    },
    step: () => scheduler.step(),
  };
}

function choiceListener(id: number, choice: number, reply: (reply: WorkerReply) => void): GenerationListener {
  return {
    onText: (text) => reply({ kind: 'text', id, choice, text }),
    onFinish: (reason, completionTokens) => reply({ kind: 'finished', id, choice, reason, completionTokens }),
  };
}

function promptTokens(tokenizer: Tokenizer, prompt: Prompt): readonly number[] {
  if (prompt.kind === 'chat') return chatPrompt(tokenizer, prompt.messages);
  if (prompt.kind === 'text') return textPrompt(tokenizer, prompt.text);
  return prompt.tokens;
}

function total(prompts: readonly (readonly number[])[]): number {
  return prompts.reduce((sum, prompt) => sum + prompt.length, 0);
}
