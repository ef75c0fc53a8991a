import type { Completed, InferenceBody } from '@llm-engine/contracts';
import type { InferRequest } from '../executor.ts';
import { answerBody, answerChunks, embeddingsBody, planAnswer, tokenUsage } from './answers.ts';
import { drawLatency } from './latency.ts';
import type { Random } from './random.ts';
import type { Script } from './script.ts';
import type { MockModel } from './settings.ts';

interface Speech {
  readonly script: Script;
  /** Lets the script's case happen. */
  readonly play: () => Promise<void>;
  /** The time between two tokens. */
  readonly pause: () => Promise<void>;
  readonly onChunk: ((chunk: string) => void) | undefined;
}

/** Answers a request, whole or in chunks, and lets the script's case happen where it belongs. */
export async function speak(request: InferRequest, speech: Speech): Promise<Completed> {
  const { jobId, endpoint, body } = request;
  const { script, play } = speech;
  if (endpoint === '/v1/embeddings') {
    await play();
    const answer = embeddingsBody(body);
    return { kind: 'completed', result: answer.body, usage: answer.usage };
  }
  const created = Math.floor(Date.now() / 1000);
  const answer = planAnswer({ jobId, body, endpoint, reply: script.reply, created });
  const end = { usage: tokenUsage(answer), finishReason: answer.finishReason };
  if (body.stream !== true) {
    await play();
    return { kind: 'completed', result: answerBody(answer), ...end };
  }
  const firstChunkMs = await stream(answerChunks(answer, includesUsage(body)), speech);
  return { kind: 'completed', result: answerBody(answer), ...end, firstChunkMs };
}

/** How long the next token takes, in milliseconds. */
export function tokenMs(script: Script, model: MockModel, random: Random): number {
  if (script.case === 'slow' && script.tokenMs !== undefined) return script.tokenMs;
  return model.tokenLatency === undefined ? 0 : drawLatency(model.tokenLatency, random);
}

/** Returns how long the first chunk took, in milliseconds. */
async function stream(chunks: Iterable<object>, { script, play, pause, onChunk }: Speech): Promise<number> {
  const startedAt = performance.now();
  const caseAt = script.afterChunks ?? 0;
  let firstChunkMs = 0;
  let sent = 0;
  for (const chunk of chunks) {
    if (sent === caseAt) await play();
    if (sent > 0) await pause();
    onChunk?.(JSON.stringify(chunk));
    if (sent === 0) firstChunkMs = performance.now() - startedAt;
    sent += 1;
  }
  // A case that is due after more chunks than there are still happens.
  if (sent <= caseAt) await play();
  return firstChunkMs;
}

function includesUsage(body: InferenceBody): boolean {
  const options = body['stream_options'];
  return (
    typeof options === 'object' && options !== null && 'include_usage' in options && options.include_usage === true
  );
}
