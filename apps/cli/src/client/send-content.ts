import { once } from 'node:events';
import { request as overHttp } from 'node:http';
import type { ClientRequest, IncomingMessage } from 'node:http';
import { request as overHttps } from 'node:https';
import { text } from 'node:stream/consumers';
import { pipeline } from 'node:stream/promises';
import { CommandError } from '../command-error.ts';
import { unreachable, urlOf } from './http.ts';
import type { Server } from './http.ts';

interface ContentRequest {
  readonly path: string;
  readonly contentType: string;
  readonly content: AsyncIterable<Uint8Array>;
  readonly signal?: AbortSignal;
}

/** A connection on which nothing moves for this long is given up. */
const STALL_MS = 120_000;

/**
 * Posts a content of any size at flat memory: `fetch` would keep all that it has sent, should it be sent elsewhere. An answer that
 * comes before the end is the answer. Rejects with `engine_unreachable`, and with the `CommandError` of the content.
 */
export async function sendContent(server: Server, request: ContentRequest): Promise<Response> {
  const { path, contentType, content, signal } = request;
  const url = urlOf(server.url, path);
  const outgoing = (url.protocol === 'https:' ? overHttps : overHttp)(url, {
    method: 'POST',
    headers: {
      'content-type': contentType,
      ...(server.apiKey !== undefined && { authorization: `Bearer ${server.apiKey}` }),
    },
    timeout: STALL_MS,
  });
  outgoing.once('timeout', () => outgoing.destroy(new Error('Nothing moves on the connection.')));
  const options = signal === undefined ? {} : { signal };
  const sent = pipeline(content, outgoing, options);
  try {
    const answer = await answerTo(outgoing, sent);
    return new Response(await text(answer), { status: answer.statusCode ?? 502 });
  } catch (error) {
    signal?.throwIfAborted();
    throw error instanceof CommandError ? error : unreachable(server, error);
  } finally {
    outgoing.destroy();
    // What it would tell is known by now.
    await sent.catch(() => undefined);
  }
}

/** As soon as there is one; rejects with what the sending rejects with. */
async function answerTo(outgoing: ClientRequest, sent: Promise<void>): Promise<IncomingMessage> {
  const answered = once(outgoing, 'response') as Promise<[IncomingMessage]>;
  const [answer] = await Promise.race([answered, sent.then(() => answered)]);
  return answer;
}
