import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { defaultWeights } from '../model/model-file.ts';
import { ApiError, toApiError } from './api-error.ts';
import {
  chatCompletions,
  completions,
  embeddings,
  health,
  listModels,
  retrieveModel,
  type ServedModel,
} from './endpoints.ts';
import { createExchange, sendError, type Exchange } from './exchange.ts';
import { InferenceClient } from './inference-client.ts';

export interface TinyServerOptions {
  /** The address to listen on. Default: 127.0.0.1, reachable from this machine only. */
  readonly host?: string;
  /** Default: 0, any free port. */
  readonly port?: number;
  /** A weights file that "train" wrote. Default: the one in this package. */
  readonly weights?: string;
  /** The name that requests call the model by. Default: tiny-chat. */
  readonly modelName?: string;
}

export interface TinyServer extends AsyncDisposable {
  /** Without a path: `${url}/v1` is the base URL of an OpenAI client. */
  readonly url: string;
  readonly port: number;
  /** Breaks what is still being answered, and ends the inference thread. */
  close(): Promise<void>;
}

/** Serves the model over HTTP. Resolves once it answers; rejects when the weights cannot be read or the port is taken. */
export async function startTinyServer(options: TinyServerOptions = {}): Promise<TinyServer> {
  const { host = '127.0.0.1', port = 0, weights = defaultWeights, modelName = 'tiny-chat' } = options;
  const inference = await InferenceClient.start(weights);
  const model = { name: modelName, created: Math.floor(Date.now() / 1000), inference };
  const server = createServer((request, response) => void answer(createExchange(request, response), model));
  try {
    await listen(server, host, port);
  } catch (error) {
    await inference[Symbol.asyncDispose]();
    throw error;
  }
  const close = async (): Promise<void> => {
    if (!server.listening) return;
    const closed = once(server, 'close');
    server.close();
    await inference[Symbol.asyncDispose]();
    server.closeAllConnections();
    await closed;
  };
  const address = server.address() as AddressInfo;
  const urlHost = address.family === 'IPv6' ? `[${address.address}]` : address.address;
  return { url: `http://${urlHost}:${address.port}`, port: address.port, close, [Symbol.asyncDispose]: close };
}

async function listen(server: Server, host: string, port: number): Promise<void> {
  server.listen(port, host);
  await once(server, 'listening');
}

/** Never rejects: whatever goes wrong is told to the client, if it is still there. */
async function answer(exchange: Exchange, model: ServedModel): Promise<void> {
  exchange.response.setHeader('x-request-id', `req_${randomUUID()}`);
  try {
    await route(exchange, model);
  } catch (error) {
    if (!exchange.signal.aborted) sendError(exchange, toApiError(error));
  }
}

async function route(exchange: Exchange, model: ServedModel): Promise<void> {
  const { method = 'GET', url = '/' } = exchange.request;
  const path = url.split('?', 1)[0] ?? '/';
  const modelPrefix = '/v1/models/';
  if (path.startsWith(modelPrefix)) {
    requireMethod(exchange, 'GET');
    return retrieveModel(exchange, model, decodePath(path.slice(modelPrefix.length)));
  }
  switch (path) {
    case '/v1/chat/completions':
      requireMethod(exchange, 'POST');
      return chatCompletions(exchange, model);
    case '/v1/completions':
      requireMethod(exchange, 'POST');
      return completions(exchange, model);
    case '/v1/embeddings':
      requireMethod(exchange, 'POST');
      return embeddings(exchange, model);
    case '/v1/models':
      requireMethod(exchange, 'GET');
      return listModels(exchange, model);
    case '/health':
      requireMethod(exchange, 'GET');
      return health(exchange, model);
    default:
      throw new ApiError('unknown_url', `There is nothing at ${method} ${path}.`);
  }
}

function requireMethod({ request, response }: Exchange, method: string): void {
  if (request.method === method || (method === 'GET' && request.method === 'HEAD')) return;
  response.setHeader('allow', method);
  throw new ApiError('method_not_allowed', `Use ${method} here, not ${request.method}.`);
}

/** A path that is not properly encoded names no model; it is looked up as it stands. */
function decodePath(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
