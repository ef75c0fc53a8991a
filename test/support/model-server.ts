import { once } from 'node:events';
import { createServer } from 'node:http';
import type { IncomingHttpHeaders, IncomingMessage, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { answerNow, behave, sendJson, wasReset } from './model-behaviours.ts';
import type { Behaviour } from './model-behaviours.ts';

export type { Behaviour } from './model-behaviours.ts';

export interface ModelServerOptions {
  /** Default: any free port. It stays the same when the server is stopped and started again. */
  readonly port?: number;
  /** What `/v1/models` lists. Default `['test-model']`. Any model is answered, listed or not. */
  readonly models?: readonly string[];
  /** How requests are treated that nothing else is said about. Default: the right answer at once. */
  readonly behaviour?: Behaviour;
  /** Requests without this bearer token get a 401. */
  readonly apiKey?: string;
  /** Whether requests are kept in `requests`. Default true; benches turn it off. */
  readonly log?: boolean;
}

/** One request for inference, as the server saw it. */
export interface RequestLog {
  /** Unix milliseconds. */
  readonly at: number;
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: Readonly<Record<string, unknown>>;
  /** Settles when the exchange is over, and says who ended it: the server with its answer, or the client before that. */
  readonly closed: Promise<RequestEnd>;
  /** What `closed` settled with, once it has. */
  readonly end?: RequestEnd;
}

interface RequestEnd {
  readonly by: 'answer' | 'client' | 'server';
  /** Unix milliseconds. */
  readonly at: number;
}

/**
 * A real HTTP server in the shape of OpenAI's, on loopback, that behaves as it is told:
 * `/v1/chat/completions`, `/v1/completions`, `/v1/embeddings`, `/v1/models`, `/health`, and `/requests`, its log as JSON.
 *
 * How a request is treated, first match: the request body's own field `behaviour` (handy across processes);
 * the queue filled by `next`; `forModel`; the default behaviour.
 *
 * ```ts
 * await using server = await startModelServer();
 * server.next({ kind: 'status', status: 429, headers: { 'retry-after': '2' } }, { kind: 'hang' });
 * const request = await server.request(0); // waits until it has arrived
 * const { by } = await request.closed;     // 'client' when the caller hung up
 * await server.stop();                     // connections refused from now on
 * await server.start();                    // back, on the same port
 * ```
 */
export async function startModelServer(options: ModelServerOptions = {}): Promise<ModelServer> {
  const server = new ModelServer(options);
  await server.start();
  return server;
}

export class ModelServer implements AsyncDisposable {
  readonly requests: RequestLog[] = [];
  /** How often `/v1/models` was asked. */
  modelListRequests = 0;
  /** How many connections were opened. */
  connections = 0;
  readonly #options: ModelServerOptions;
  readonly #queue: Behaviour[] = [];
  readonly #byModel = new Map<string, Behaviour>();
  readonly #awaited: PromiseWithResolvers<RequestLog>[] = [];
  #models: readonly string[] | Behaviour;
  #default: Behaviour | undefined;
  #server = createServer();
  #stopping = false;
  #port: number;

  constructor(options: ModelServerOptions) {
    this.#options = options;
    this.#models = options.models ?? ['test-model'];
    this.#default = options.behaviour;
    this.#port = options.port ?? 0;
  }

  get port(): number {
    return this.#port;
  }

  /** The base URL, `/v1` included. */
  get url(): string {
    return `http://127.0.0.1:${this.#port}/v1`;
  }

  /** The next requests for inference are treated so, one after the other. */
  next(...behaviours: readonly Behaviour[]): void {
    this.#queue.push(...behaviours);
  }

  forModel(model: string, behaviour: Behaviour): void {
    this.#byModel.set(model, behaviour);
  }

  setDefault(behaviour: Behaviour | undefined): void {
    this.#default = behaviour;
  }

  /** What `/v1/models` lists, or how it misbehaves. */
  setModels(models: readonly string[] | Behaviour): void {
    this.#models = models;
  }

  /** The request for inference with this index, as soon as it has arrived. */
  request(index: number): Promise<RequestLog> {
    const known = this.requests[index];
    if (known !== undefined) return Promise.resolve(known);
    this.#awaited[index] ??= Promise.withResolvers();
    return this.#awaited[index].promise;
  }

  async start(): Promise<void> {
    this.#server = createServer((request, response) => this.#receive(request, response));
    this.#server.keepAliveTimeout = 60_000;
    this.#server.on('connection', () => (this.connections += 1));
    this.#server.listen(this.#port, '127.0.0.1');
    await once(this.#server, 'listening');
    this.#port = (this.#server.address() as AddressInfo).port;
  }

  /** Closes every connection at once. */
  async stop(): Promise<void> {
    if (!this.#server.listening) return;
    const closed = once(this.#server, 'close');
    this.#stopping = true;
    this.#server.close();
    this.#server.closeAllConnections();
    await closed;
    this.#stopping = false;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }

  #receive(request: IncomingMessage, response: ServerResponse): void {
    const parts: Buffer[] = [];
    request.on('data', (part: Buffer) => parts.push(part));
    request.on('end', () => this.#route(request, response, Buffer.concat(parts).toString('utf8')));
  }

  #route(request: IncomingMessage, response: ServerResponse, text: string): void {
    const path = request.url ?? '/';
    const { apiKey } = this.#options;
    if (path === '/health') {
      sendJson(response, { status: 'ok' });
    } else if (apiKey !== undefined && request.headers.authorization !== `Bearer ${apiKey}`) {
      sendJson(response, errorOf('Incorrect API key provided.', 'authentication_error', 'invalid_api_key'), 401);
    } else if (path === '/requests') {
      sendJson(response, this.requests);
    } else if (path === '/v1/models') {
      this.#listModels(response);
    } else if (request.method === 'POST' && INFERENCE.has(path)) {
      this.#infer(request, path, text, response);
    } else {
      sendJson(response, errorOf(`There is nothing at ${path}.`, 'invalid_request_error', 'route_not_found'), 404);
    }
  }

  #listModels(response: ServerResponse): void {
    this.modelListRequests += 1;
    const models = this.#models;
    if ('kind' in models) {
      void behave(models, { path: '/v1/models', body: {}, stream: false }, response);
      return;
    }
    const data = models.map((id) => ({ id, object: 'model', created: 1_700_000_000, owned_by: 'model-server' }));
    sendJson(response, { object: 'list', data });
  }

  #infer(request: IncomingMessage, path: string, text: string, response: ServerResponse): void {
    const body = parseBody(text);
    if (body === undefined) {
      sendJson(response, errorOf('The body is no JSON object.', 'invalid_request_error', 'invalid_json'), 400);
      return;
    }
    if (this.#options.log !== false) this.#record(request, path, body, response);
    const modelRequest = { path, body, stream: body['stream'] === true };
    const behaviour = this.#behaviourFor(body);
    if (behaviour === undefined) answerNow(modelRequest, response);
    else void behave(behaviour, modelRequest, response);
  }

  #behaviourFor(body: Readonly<Record<string, unknown>>): Behaviour | undefined {
    const own = body['behaviour'];
    if (typeof own === 'object' && own !== null) return own as Behaviour;
    return this.#queue.shift() ?? this.#byModel.get(String(body['model'])) ?? this.#default;
  }

  #record(
    request: IncomingMessage,
    path: string,
    body: Readonly<Record<string, unknown>>,
    response: ServerResponse,
  ): void {
    const { promise: closed, resolve } = Promise.withResolvers<RequestEnd>();
    const log: { -readonly [Key in keyof RequestLog]: RequestLog[Key] } = {
      at: Date.now(),
      path,
      headers: request.headers,
      body,
      closed,
    };
    let answered = false;
    // Node tells 'finish' also of an answer that was cut off.
    response.once('finish', () => (answered = !request.socket.destroyed));
    response.once('close', () => {
      const by = answered ? 'answer' : this.#stopping || wasReset(response) ? 'server' : 'client';
      log.end = { by, at: Date.now() };
      resolve(log.end);
    });
    this.requests.push(log);
    this.#awaited[this.requests.length - 1]?.resolve(log);
  }
}

const INFERENCE = new Set(['/v1/chat/completions', '/v1/completions', '/v1/embeddings']);

function parseBody(text: string): Readonly<Record<string, unknown>> | undefined {
  try {
    const body: unknown = JSON.parse(text);
    return typeof body === 'object' && body !== null && !Array.isArray(body)
      ? (body as Readonly<Record<string, unknown>>)
      : undefined;
  } catch {
    // Not JSON: the caller is told.
    return undefined;
  }
}

function errorOf(message: string, type: string, code: string): object {
  return { error: { message, type, param: null, code } };
}
