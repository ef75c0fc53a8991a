import { FailureError, failure } from '@llm-engine/contracts';
import type { JobRecord } from '@llm-engine/contracts';
import type { JobHandle } from '@llm-engine/queue';
import { resultOf } from '../job-result.ts';
import { EventStream } from '../sse.ts';
import { chunkOf } from './chunk-of.ts';
import { abandon } from './exchange.ts';
import type { Exchange } from './exchange.ts';
import { refusalOf } from './submission.ts';

/**
 * Until the first chunk the status is still open, and a job that fails is answered with its error's own. Only when a proxy
 * might lose its patience are the headers sent all the same, with comments to follow.
 */
const HEADERS_HELD_MS = 45_000;

/** Answers chunk by chunk as the model does. */
export async function answerInChunks(exchange: Exchange): Promise<unknown> {
  const { producer, submission, reply, wait } = exchange;
  const job = await producer.submit(submission).catch((error: unknown) => {
    throw refusalOf(error, submission);
  });
  void reply.header('x-job-id', job.id);

  const answer = new HeldAnswer(() => EventStream.open(reply));
  try {
    await forward(exchange, job, answer);
  } catch (error) {
    if (wait.gone) return reply.hijack();
    if (!answer.begun) throw error;
    await answer.stream.send({ data: exchange.errorFrame(error) });
  } finally {
    answer[Symbol.dispose]();
  }
  answer.stream.end();
  return reply;
}

/** Sends chunks as they come, and `[DONE]`. Throws what ends the answer before that. */
async function forward(exchange: Exchange, job: JobHandle, answer: HeldAnswer): Promise<void> {
  const { signal } = exchange.wait;
  let sent = false;
  let record: JobRecord | undefined;
  try {
    for await (const event of job.stream({ signal })) {
      switch (event.type) {
        case 'chunk':
          await answer.stream.send({ data: event.chunk });
          sent = true;
          break;
        case 'restart':
          // A client of OpenAI's API cannot take chunks back.
          if (sent) throw interrupted('The model was lost in the middle of its answer.');
          break;
        case 'gap':
          throw interrupted(`${event.missed} chunks of the answer are not kept any more.`);
        case 'end':
          ({ record } = event);
      }
    }
    signal.throwIfAborted();
  } finally {
    if (record === undefined) await abandon(exchange, job);
  }
  if (record === undefined) throw interrupted('The answer ended before the job did.');
  const result = resultOf(record);
  // Chunks are kept for minutes, a result for a day: a request that is sent again later is answered from that.
  if (!sent) await answer.stream.send({ data: JSON.stringify(chunkOf(result)) });
  await answer.stream.send({ data: '[DONE]' });
}

function interrupted(message: string): FailureError {
  return new FailureError(failure('stream_interrupted', `${message} Send the request again.`));
}

/** An answer that begins with its first event, or when it has been held for as long as it may be. */
class HeldAnswer implements Disposable {
  readonly #open: () => EventStream;
  readonly #timer: NodeJS.Timeout;
  #stream: EventStream | undefined;

  constructor(open: () => EventStream) {
    this.#open = open;
    this.#timer = setTimeout(() => this.stream, HEADERS_HELD_MS);
  }

  get begun(): boolean {
    return this.#stream !== undefined;
  }

  /** Begins the answer, if it has not begun. */
  get stream(): EventStream {
    return (this.#stream ??= this.#open());
  }

  [Symbol.dispose](): void {
    clearTimeout(this.#timer);
  }
}
