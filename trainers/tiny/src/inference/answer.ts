import type { LanguageModel } from '../model/model-file.ts';
import type { ChatMessage } from '../tokenizer/chat-template.ts';
import { createInferenceService } from './inference-service.ts';

export interface Answer {
  readonly text: string;
  readonly tokens: number;
}

/** The likeliest answer to each conversation, all at once, in this thread: for measuring, not for serving. */
export function answerAll(model: LanguageModel, conversations: readonly (readonly ChatMessage[])[]): Answer[] {
  const answers = conversations.map(() => ({ text: '', tokens: 0 }));
  const service = createInferenceService(model, (reply) => {
    if (reply.kind === 'rejected') throw new Error(`A conversation was rejected: ${reply.reason.kind}.`);
    const answer = 'choice' in reply ? answers[reply.choice] : undefined;
    if (!answer) return;
    if (reply.kind === 'text') answer.text += reply.text;
    if (reply.kind === 'finished') answer.tokens = reply.completionTokens;
  });
  service.handle({
    kind: 'generate',
    id: 1,
    prompts: conversations.map((messages) => ({ kind: 'chat', messages })),
    choices: 1,
    sampling: { temperature: 0, topP: 1 },
    seed: 0,
    maxTokens: 100,
    stop: [],
  });
  while (service.step());
  return answers;
}
