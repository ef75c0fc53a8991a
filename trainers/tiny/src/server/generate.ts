import type { GenerateRequest } from '../inference/messages.ts';
import { usageOf, type AnswerShape, type Choice } from './answer-shape.ts';
import { sendEvent, sendJson, startEvents, type Exchange } from './exchange.ts';
import type { ResponseMode } from './generation-options.ts';
import type { InferenceClient } from './inference-client.ts';

export interface GenerationCall {
  readonly request: Omit<GenerateRequest, 'id' | 'kind'>;
  readonly mode: ResponseMode;
  readonly shape: AnswerShape;
}

export async function answerGeneration(
  exchange: Exchange,
  inference: InferenceClient,
  call: GenerationCall,
): Promise<void> {
  await (call.mode.stream ? streamAnswer(exchange, inference, call) : wholeAnswer(exchange, inference, call));
}

async function wholeAnswer(exchange: Exchange, inference: InferenceClient, { request, shape }: GenerationCall) {
  const texts: string[] = Array<string>(request.prompts.length * request.choices).fill('');
  const choices: Choice[] = [];
  let promptTokens = 0;
  let completionTokens = 0;
  for await (const reply of inference.generate(request, exchange.signal)) {
    switch (reply.kind) {
      case 'started':
        ({ promptTokens } = reply);
        break;
      case 'text':
        texts[reply.choice] += reply.text;
        break;
      case 'finished':
        completionTokens += reply.completionTokens;
        choices[reply.choice] = { index: reply.choice, text: texts[reply.choice] ?? '', reason: reply.reason };
        break;
    }
  }
  sendJson(exchange, 200, shape.whole(choices, usageOf(promptTokens, completionTokens)));
}

async function streamAnswer(exchange: Exchange, inference: InferenceClient, { request, mode, shape }: GenerationCall) {
  let promptTokens = 0;
  let completionTokens = 0;
  for await (const reply of inference.generate(request, exchange.signal)) {
    switch (reply.kind) {
      case 'started':
        // Only now is it certain that the request can run: until here an error has a status of its own.
        ({ promptTokens } = reply);
        startEvents(exchange);
        for (let index = 0; index < request.prompts.length * request.choices; index++) {
          const opening = shape.opening(index);
          if (opening) sendEvent(exchange, opening);
        }
        break;
      case 'text':
        sendEvent(exchange, shape.text(reply.choice, reply.text));
        break;
      case 'finished':
        completionTokens += reply.completionTokens;
        sendEvent(exchange, shape.finish(reply.choice, reply.reason));
        break;
    }
  }
  if (mode.includeUsage) sendEvent(exchange, shape.usage(usageOf(promptTokens, completionTokens)));
  sendEvent(exchange, '[DONE]');
  exchange.response.end();
}
