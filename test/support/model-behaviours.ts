import type { ServerResponse } from 'node:http';
import { setTimeout as wait } from 'node:timers/promises';
import { answerBody, answerChunks } from './model-answers.ts';
import type { ModelRequest } from './model-answers.ts';

/** How the model server treats one request. Without `afterChunks` a case happens before the answer's headers. */
export type Behaviour =
  /** A right answer: after `delayMs`, or once `until` settles; `tokenDelayMs` before each further chunk of a stream. */
  | {
      readonly kind: 'ok';
      readonly reply?: string;
      readonly delayMs?: number;
      readonly tokenDelayMs?: number;
      readonly until?: Promise<unknown>;
      /** The stream waits here: after so many chunks, until the promise settles. */
      readonly pause?: { readonly afterChunks: number; readonly until: Promise<unknown> };
    }
  /** An HTTP status with an OpenAI-shaped error, or with `body` as it is. */
  | {
      readonly kind: 'status';
      readonly status: number;
      readonly error?: Readonly<Record<string, unknown>>;
      readonly body?: string;
      readonly headers?: Readonly<Record<string, string>>;
    }
  /** The TCP connection is reset: before the headers, or after so many chunks (any number: half of a plain body). */
  | { readonly kind: 'reset'; readonly afterChunks?: number }
  /** Nothing more comes; ends when the client leaves. */
  | { readonly kind: 'hang'; readonly afterChunks?: number }
  /** A stream that ends without `[DONE]`: with its finish reason, or after so many chunks without one. */
  | { readonly kind: 'no-done'; readonly afterChunks?: number }
  /** `data: {"error": ...}` after so many chunks (default 1); a plain answer is that object with status 200. */
  | { readonly kind: 'error-frame'; readonly error: Readonly<Record<string, unknown>>; readonly afterChunks?: number }
  /** JSON that is none, in a body or in an event. */
  | { readonly kind: 'malformed' }
  /** The first half of the right body, as a whole HTTP answer. */
  | { readonly kind: 'truncated' }
  /** A right answer whose text is so many bytes long. */
  | { readonly kind: 'huge'; readonly bytes: number }
  /** These parts, one write each, under these headers; then the end, a reset, or silence. */
  | {
      readonly kind: 'raw';
      readonly parts: readonly (string | Uint8Array)[];
      readonly headers?: Readonly<Record<string, string>>;
      readonly ending?: 'end' | 'reset' | 'hang';
    };

const EVENT_STREAM = { 'content-type': 'text/event-stream; charset=utf-8', 'cache-control': 'no-cache' };

/** Answers a request as the behaviour says. Returns early when the client has gone. */
export async function behave(behaviour: Behaviour, request: ModelRequest, response: ServerResponse): Promise<void> {
  switch (behaviour.kind) {
    case 'ok':
      await behaveWell(behaviour, request, response);
      break;
    case 'status':
      sendStatus(behaviour, response);
      break;
    case 'reset':
      if (behaviour.afterChunks !== undefined) await begin(request, response, behaviour.afterChunks);
      reset(response);
      break;
    case 'hang':
      if (behaviour.afterChunks !== undefined) await begin(request, response, behaviour.afterChunks);
      break;
    case 'no-done':
      await begin(request, response, behaviour.afterChunks ?? Infinity);
      response.end();
      break;
    case 'error-frame':
      if (!request.stream) {
        sendJson(response, { error: behaviour.error });
        break;
      }
      await begin(request, response, behaviour.afterChunks ?? 1);
      response.end(frame({ error: behaviour.error }));
      break;
    case 'malformed':
      sendMalformed(request, response);
      break;
    case 'truncated': {
      const text = JSON.stringify(answerBody(request));
      sendText(response, text.slice(0, text.length / 2), 'application/json');
      break;
    }
    case 'huge':
      await behaveWell({ kind: 'ok', reply: 'x'.repeat(behaviour.bytes) }, request, response);
      break;
    case 'raw':
      await sendRaw(behaviour, response);
      break;
  }
}

/** The right answer at once. The path that benches use: one write, no promise. */
export function answerNow(request: ModelRequest, response: ServerResponse): void {
  if (!request.stream) {
    sendJson(response, answerBody(request));
    return;
  }
  response.writeHead(200, EVENT_STREAM);
  let text = '';
  for (const chunk of answerChunks(request)) text += frame(chunk);
  response.end(`${text}data: [DONE]\n\n`);
}

export function sendJson(response: ServerResponse, body: unknown, status = 200): void {
  sendText(response, JSON.stringify(body), 'application/json', status);
}

async function behaveWell(
  behaviour: Extract<Behaviour, { kind: 'ok' }>,
  request: ModelRequest,
  response: ServerResponse,
): Promise<void> {
  const { reply, delayMs = 0, tokenDelayMs = 0, until, pause } = behaviour;
  if (delayMs > 0) await wait(delayMs);
  await until;
  if (gone(response)) return;
  if (!request.stream) {
    sendJson(response, answerBody(request, reply));
    return;
  }
  response.writeHead(200, EVENT_STREAM);
  let sent = 0;
  for (const chunk of answerChunks(request, reply)) {
    if (sent > 0 && tokenDelayMs > 0) await wait(tokenDelayMs);
    if (sent === pause?.afterChunks) await pause.until;
    if (gone(response)) return;
    await write(response, frame(chunk));
    sent += 1;
  }
  response.end('data: [DONE]\n\n');
}

/** The first part of a right answer: so many chunks, or half of a plain body. */
async function begin(request: ModelRequest, response: ServerResponse, chunks: number): Promise<void> {
  if (!request.stream) {
    const text = JSON.stringify(answerBody(request));
    response.writeHead(200, { 'content-type': 'application/json', 'content-length': String(Buffer.byteLength(text)) });
    await write(response, text.slice(0, text.length / 2));
    return;
  }
  response.writeHead(200, EVENT_STREAM);
  response.flushHeaders();
  let sent = 0;
  for (const chunk of answerChunks(request)) {
    if (sent >= chunks || gone(response)) return;
    await write(response, frame(chunk));
    sent += 1;
  }
}

function sendStatus(behaviour: Extract<Behaviour, { kind: 'status' }>, response: ServerResponse): void {
  const { status, headers = {}, body } = behaviour;
  const error = { message: `Scripted status ${status}.`, type: 'server_error', param: null, code: null };
  const text = body ?? JSON.stringify({ error: { ...error, ...behaviour.error } });
  response.writeHead(status, { 'content-type': body === undefined ? 'application/json' : 'text/html', ...headers });
  response.end(text);
}

function sendMalformed(request: ModelRequest, response: ServerResponse): void {
  if (!request.stream) {
    sendText(response, '{"choices": [oops', 'application/json');
    return;
  }
  response.writeHead(200, EVENT_STREAM);
  response.end('data: {"choices": [oops\n\ndata: [DONE]\n\n');
}

async function sendRaw(behaviour: Extract<Behaviour, { kind: 'raw' }>, response: ServerResponse): Promise<void> {
  response.writeHead(200, behaviour.headers ?? EVENT_STREAM);
  response.flushHeaders();
  for (const part of behaviour.parts) {
    await write(response, part);
    // Lets each part travel in a packet of its own.
    await new Promise((resolve) => setImmediate(resolve));
  }
  const { ending = 'end' } = behaviour;
  if (ending === 'end') response.end();
  if (ending === 'reset') reset(response);
}

function sendText(response: ServerResponse, text: string, type: string, status = 200): void {
  response.writeHead(status, { 'content-type': type, 'content-length': Buffer.byteLength(text) });
  response.end(text);
}

/** Resolves once the bytes have been handed to the operating system. */
function write(response: ServerResponse, part: string | Uint8Array): Promise<void> {
  return new Promise((resolve) => {
    // A write to a client that has gone is no error of the server.
    response.write(part, () => resolve());
  });
}

function frame(data: unknown): string {
  return `data: ${JSON.stringify(data)}\n\n`;
}

const RESET = new WeakSet<ServerResponse>();

/** Whether the server itself broke the connection. */
export function wasReset(response: ServerResponse): boolean {
  return RESET.has(response);
}

function reset(response: ServerResponse): void {
  RESET.add(response);
  response.socket?.resetAndDestroy();
}

function gone(response: ServerResponse): boolean {
  return response.destroyed || response.writableEnded;
}
