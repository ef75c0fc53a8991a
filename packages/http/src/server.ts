import { randomUUID } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import { EngineError, errorBody } from '@llm-engine/contracts';
import { fastify } from 'fastify';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { Access } from './access.ts';
import type { Identity } from './access.ts';
import { rememberMethods } from './allowed-methods.ts';
import { Closing } from './closing.ts';
import { errorAnswer } from './error-answer.ts';
import { acceptJson } from './json-body.ts';

declare module 'fastify' {
  interface FastifyContextConfig {
    /** Answers without a key. For probes. */
    public?: boolean;
  }
  interface FastifyRequest {
    identity: Identity;
  }
}

export interface ServerOptions {
  /** Largest request body, in bytes. Default 1 MiB. */
  readonly bodyLimit?: number;
  /** Who may come in. Default: everybody. */
  readonly access?: Access;
  /** Turns what a server's own parts throw, such as a lost connection, into errors with a code. Default: leaves them. */
  readonly explain?: (error: unknown) => unknown;
  /** Hears of errors whose fault lies here, and which a caller is told nothing about. Default: ignored. */
  readonly onRequestError?: (error: unknown, request: FastifyRequest) => void;
}

const DEFAULT_BODY_LIMIT = 1024 * 1024;
/** Ids of models are path segments too. */
const MAX_PARAM_LENGTH = 1_024;
const CLOSING_RETRY_AFTER_MS = 1_000;

/**
 * A server as all of the engine's servers are.
 * 1. Gives every request an id (`x-request-id`: the caller's, or a new one) and the identity of its sender.
 * 2. Asks for a key on every route but those with `config: { public: true }`.
 * 3. Answers every error in OpenAI's shape, whatever it is: a bad request is never a 500, and a stack never gets out.
 * 4. While it closes, sends new requests elsewhere and lets those in flight finish.
 */
export function createServer(options: ServerOptions = {}): FastifyInstance {
  const access = options.access ?? new Access([]);
  const onRequestError = options.onRequestError ?? (() => undefined);
  const explain = options.explain ?? ((error: unknown) => error);
  const answerError = (error: unknown, request: FastifyRequest, reply: FastifyReply): void => {
    const { status, headers, body, defect } = errorAnswer(explain(error));
    if (defect) onRequestError(error, request);
    void reply
      .code(status)
      .headers({ 'x-request-id': request.id, ...headers })
      .send(body);
  };
  const server = fastify({
    bodyLimit: options.bodyLimit ?? DEFAULT_BODY_LIMIT,
    genReqId: requestId,
    routerOptions: { maxParamLength: MAX_PARAM_LENGTH },
    // Fastify would answer by itself, and not in OpenAI's shape.
    return503OnClosing: false,
    frameworkErrors: answerError,
    clientErrorHandler: answerBrokenRequest,
  });

  const closing = new Closing(server);
  // Fastify wants the place of the value declared before there is a request; the hook below fills it before any handler.
  server.decorateRequest('identity');
  server.addHook('onRequest', (request, reply, done) => {
    void reply.header('x-request-id', request.id);
    if (request.routeOptions.config.public === true) return done();
    if (closing.begun) return done(shuttingDown(reply));
    try {
      request.identity = access.identify(request.headers.authorization);
    } catch (error) {
      challenge(request, reply);
      return done(error as EngineError);
    }
    return done();
  });

  acceptJson(server);
  const methodsOf = rememberMethods(server);
  server.setErrorHandler(answerError);
  server.setNotFoundHandler((request, reply) => {
    const path = request.url.split('?', 1)[0] ?? '/';
    const methods = methodsOf(path);
    if (methods.length === 0) {
      throw new EngineError('route_not_found', `There is nothing at ${request.method} ${path.slice(0, 256)}.`);
    }
    void reply.header('allow', methods.join(', '));
    throw new EngineError(
      'method_not_allowed',
      `${path.slice(0, 256)} takes ${methods.join(', ')}, not ${request.method}.`,
    );
  });
  return server;
}

/** A caller's id is taken over when it is one: it goes into a header and into logs. */
function requestId({ headers }: IncomingMessage): string {
  const given = headers['x-request-id'];
  if (typeof given === 'string' && /^[\w.:-]{1,128}$/.test(given)) return given;
  return `req_${randomUUID().replaceAll('-', '')}`;
}

function shuttingDown(reply: FastifyReply): EngineError {
  void reply.header('connection', 'close');
  return new EngineError(
    'shutting_down',
    'This server is shutting down. Send the request again: another one takes it.',
    {
      retryAfterMs: CLOSING_RETRY_AFTER_MS,
    },
  );
}

/** Only a page is challenged for a password: a browser then asks for the key, where a program would be puzzled. */
function challenge({ headers }: FastifyRequest, reply: FastifyReply): void {
  const page = headers.accept?.includes('text/html') === true;
  void reply.header('www-authenticate', page ? 'Basic realm="LLM Engine", charset="UTF-8"' : 'Bearer');
}

/** What is not even HTTP has no request to answer: the answer is written by hand. */
function answerBrokenRequest(error: Error & { code: string }, socket: Socket): void {
  if (error.code === 'ECONNRESET' || !socket.writable) {
    socket.destroy();
    return;
  }
  const overflow = error.code === 'HPE_HEADER_OVERFLOW';
  const { status, type } = new EngineError('invalid_request', '');
  const message = overflow ? 'The headers of the request are too large.' : 'The request is not valid HTTP.';
  const body = JSON.stringify(errorBody({ message, type, param: null, code: 'invalid_request' }));
  socket.end(
    `HTTP/1.1 ${status} Bad Request\r\nContent-Type: application/json\r\nContent-Length: ${Buffer.byteLength(body)}\r\n` +
      `Connection: close\r\n\r\n${body}`,
  );
}
