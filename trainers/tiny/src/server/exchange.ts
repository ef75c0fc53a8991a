import type { IncomingMessage, ServerResponse } from 'node:http';
import { ApiError } from './api-error.ts';
import { parseBody, type Body } from './fields.ts';

/** One request and its response, as the endpoints see them. */
export interface Exchange {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  /** Aborts when the client hangs up before the answer is complete. */
  readonly signal: AbortSignal;
}

export function createExchange(request: IncomingMessage, response: ServerResponse): Exchange {
  const controller = new AbortController();
  response.once('close', () => {
    if (!response.writableFinished) controller.abort(new ApiError('internal_error', 'The client hung up.'));
  });
  return { request, response, signal: controller.signal };
}

/** 2,048 inputs for embeddings of a few hundred characters each fit; nothing that fits the context of a chat comes near. */
const maxBodyBytes = 1024 * 1024;

export async function readBody({ request }: Exchange): Promise<Body> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > maxBodyBytes) {
      throw new ApiError('request_too_large', `The body is larger than ${maxBodyBytes} bytes. Send less at once.`);
    }
    chunks.push(chunk);
  }
  return parseBody(Buffer.concat(chunks).toString('utf8'));
}

export function sendJson({ response }: Exchange, status: number, body: object): void {
  const bytes = Buffer.from(JSON.stringify(body));
  response.writeHead(status, { 'content-type': 'application/json', 'content-length': bytes.length });
  response.end(bytes);
}

export function startEvents({ response }: Exchange): void {
  response.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-cache' });
}

export function sendEvent({ response }: Exchange, data: object | '[DONE]'): void {
  response.write(`data: ${typeof data === 'string' ? data : JSON.stringify(data)}\n\n`);
}

/** As a status before the answer has begun, as a frame after: then the client has its 200 already. */
export function sendError(exchange: Exchange, error: ApiError): void {
  const { response } = exchange;
  if (response.headersSent) {
    sendEvent(exchange, error.toJSON());
    response.end();
    return;
  }
  if (error.code === 'overloaded') response.setHeader('retry-after', '1');
  // The rest of a body that is too large is not read; the connection cannot be used again.
  if (error.code === 'request_too_large') response.setHeader('connection', 'close');
  sendJson(exchange, error.status, error.toJSON());
}
