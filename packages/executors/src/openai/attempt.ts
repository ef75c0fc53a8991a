import type { IncomingHttpHeaders } from 'node:http';
import { FailureError } from '@llm-engine/contracts';
import type { Completed, Failure, UpstreamAnswer } from '@llm-engine/contracts';
import type { InferContext, InferRequest } from '../executor.ts';
import { completed, parseAnswer } from './completed.ts';
import type { Endpoint } from './endpoint.ts';
import { ExchangeError } from './exchange.ts';
import type { Reply } from './exchange.ts';
import { exchangeFailure, malformed, replyFailure } from './failures.ts';
import { expectedChoices, wantsStream, wantsUsage } from './request-body.ts';
import type { Route } from './routes.ts';
import { StreamedAnswer } from './streamed-answer.ts';
import { upstreamAnswer } from './upstream-answer.ts';

export interface Attempt {
  readonly route: Route;
  readonly endpoint: Endpoint;
  readonly request: InferRequest;
  /** The body as it goes out. */
  readonly body: string;
  readonly context: InferContext;
}

export type AttemptEnd =
  | Completed
  | {
      readonly kind: 'failed';
      readonly failure: Failure;
      /** Where the server answered with a status that says so. */
      readonly upstream?: UpstreamAnswer;
      /** False when it certainly never reached the server. */
      readonly sent: boolean;
      /** Nothing was answered, so another endpoint may take the request over. */
      readonly elsewhere: boolean;
      /** The endpoint could not be reached, or cannot serve now. */
      readonly endpointAtFault: boolean;
    };

export type FailedEnd = Extract<AttemptEnd, { kind: 'failed' }>;

/** Sends a request to one endpoint and reads its answer. Throws when it was aborted, and what `onChunk` throws. */
export async function runAttempt({ route, endpoint, request, body, context }: Attempt): Promise<AttemptEnd> {
  const { url } = endpoint;
  const model = request.body.model;
  const streaming = wantsStream(request);
  const startedAt = performance.now();
  let firstChunkMs: number | undefined;
  let stream: StreamedAnswer | undefined;

  const openStream = (): StreamedAnswer => {
    stream = new StreamedAnswer({
      url,
      model,
      object: request.endpoint === '/v1/chat/completions' ? 'chat.completion' : 'text_completion',
      expectedChoices: expectedChoices(request.body),
      forwardUsage: !route.includeUsage || wantsUsage(request.body),
      onChunk: context.onChunk,
      onFirstChunk: () => (firstChunkMs = performance.now() - startedAt),
    });
    return stream;
  };

  try {
    const reply = await endpoint.send({
      method: 'POST',
      path: request.endpoint.slice('/v1'.length),
      body,
      ...route.limits,
      signal: context.signal,
      openSink: (status, headers) => (streaming && isOk(status) && !isJson(headers) ? openStream() : undefined),
    });
    if (stream !== undefined) return completed(stream.finish(), model, firstChunkMs);
    if (!isOk(reply.status)) return failedReply(url, model, reply);
    const answer = parseAnswer(url, request, reply);
    if (streaming) throw new FailureError(malformed(url, 'answered a whole body where a stream was asked for'));
    return completed(answer, model, undefined);
  } catch (error) {
    if (error instanceof FailureError) return failed(error.failure);
    if (!(error instanceof ExchangeError)) throw error;
    if (stream?.isComplete === true) return completed(stream.finish(), model, firstChunkMs);
    return failedExchange(error, exchangeFailure(url, error, route.limits, stream !== undefined));
  }
}

function failedReply(url: string, model: string, reply: Reply): AttemptEnd {
  const unable = reply.status === 503;
  const why = replyFailure(url, `the model '${model}'`, reply, Date.now());
  return failed(why, {
    upstream: upstreamAnswer(reply, why),
    elsewhere: unable,
    endpointAtFault: unable,
  });
}

function failedExchange(error: ExchangeError, why: Failure): AttemptEnd {
  const lost = why.class === 'connection' || why.class === 'stream_interrupted';
  return failed(why, {
    sent: error.sent,
    elsewhere: lost && !error.answered,
    endpointAtFault: lost || (why.class === 'timeout' && !error.answered),
  });
}

function failed(why: Failure, details: Partial<Omit<FailedEnd, 'kind' | 'failure'>> = {}): FailedEnd {
  return { kind: 'failed', failure: why, sent: true, elsewhere: false, endpointAtFault: false, ...details };
}

function isOk(status: number): boolean {
  return status >= 200 && status < 300;
}

/** Anything else is read as a stream, since some servers name its type wrongly; rubbish is found out by its content. */
function isJson(headers: IncomingHttpHeaders): boolean {
  return headers['content-type']?.startsWith('application/json') === true;
}
