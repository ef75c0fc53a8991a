import { Pool } from 'undici';
import type { Priority } from '@llm-engine/contracts';
import type { SlotHolder } from '../slots.ts';
import { Circuit } from './circuit.ts';
import type { CircuitOptions } from './circuit.ts';
import { EndpointLimit } from './endpoint-limit.ts';
import { exchange, ExchangeError } from './exchange.ts';
import type { ExchangeRequest, Reply } from './exchange.ts';
import { exchangeFailure, replyFailure } from './failures.ts';
import { isObject, parseJson } from './json.ts';
import { answerLimits } from './settings.ts';
import type { EndpointSettings } from './settings.ts';

export interface EndpointOptions {
  readonly circuit: CircuitOptions;
  readonly healthTtlMs: number;
  readonly probeTimeoutMs: number;
  /** Requests that wait and could go to that endpoint, interactive ones apart. */
  readonly waitingFor: (endpoint: Endpoint) => number;
  /** Requests that wait may go now. */
  readonly onRoom: () => void;
}

/** A model as a server lists it. `created` is in Unix seconds. */
export interface ListedModel {
  readonly id: string;
  readonly ownedBy: string | undefined;
  readonly created: number | undefined;
}

interface Probe {
  /** Unix milliseconds. */
  readonly at: number;
  /** What is wrong; undefined when the server answers. */
  readonly trouble: string | undefined;
  /** Undefined when the server did not list its models. */
  readonly models: readonly ListedModel[] | undefined;
}

const DEFAULT_CONCURRENCY = 64;
const MAX_MODEL_LIST_BYTES = 8 * 1024 * 1024;

/**
 * One OpenAI-compatible server:
 * 1. owns the connections to it, kept alive between requests;
 * 2. knows how many requests it takes at once, and remembers by its circuit whether it answers;
 * 3. asks it for its models, which is also its health check.
 */
export class Endpoint implements SlotHolder {
  readonly url: string;
  /** The same in all processes that use the server with the same key and headers. */
  readonly sharedName: string;
  readonly limit: EndpointLimit;
  readonly circuit: Circuit;
  readonly #basePath: string;
  readonly #headers: Readonly<Record<string, string>>;
  readonly #pool: Pool;
  readonly #options: EndpointOptions;
  #probing: Promise<Probe> | undefined;
  #lastProbe: Probe | undefined;

  constructor(sharedName: string, settings: EndpointSettings, options: EndpointOptions) {
    const url = baseUrl(settings.url);
    this.url = url.href;
    this.sharedName = sharedName;
    this.limit = new EndpointLimit({
      bound: settings.concurrency ?? DEFAULT_CONCURRENCY,
      waiting: () => options.waitingFor(this),
      onRoom: options.onRoom,
    });
    this.circuit = new Circuit(options.circuit);
    this.#basePath = url.pathname;
    this.#headers = {
      ...settings.headers,
      ...(settings.apiKey === undefined ? {} : { authorization: `Bearer ${settings.apiKey}` }),
    };
    // The limit bounds what is in flight, so the pool itself need not. HTTP/1.1 only: an aborted request has to close its connection.
    this.#pool = new Pool(url.origin, { connect: { timeout: settings.connectTimeoutMs ?? 5000 }, allowH2: false });
    this.#options = options;
  }

  take(priority: Priority): void {
    this.limit.take(priority);
  }

  /** Sends a request to a path below the base URL, such as `/chat/completions`. */
  send(request: Omit<ExchangeRequest, 'dispatcher' | 'headers'>): Promise<Reply> {
    const headers: Record<string, string> = { accept: 'application/json, text/event-stream', ...this.#headers };
    if (request.body !== undefined) headers['content-type'] = 'application/json';
    return exchange({ ...request, path: this.#basePath + request.path, dispatcher: this.#pool, headers });
  }

  /** Asks the server for its models; a recent answer is used again unless `fresh` is asked for. Never rejects. */
  probe({ fresh }: { readonly fresh: boolean }): Promise<Probe> {
    const last = this.#lastProbe;
    if (!fresh && last !== undefined && Date.now() - last.at < this.#options.healthTtlMs) return Promise.resolve(last);
    this.#probing ??= this.#ask().then((probe) => {
      this.#lastProbe = probe;
      this.#probing = undefined;
      return probe;
    });
    return this.#probing;
  }

  /** Closes every connection at once; requests in flight fail with the error. */
  async destroy(error: Error): Promise<void> {
    this.limit.close();
    await this.#pool.destroy(error);
  }

  async #ask(): Promise<Probe> {
    const limits = answerLimits({
      timeoutMs: this.#options.probeTimeoutMs,
      maxResponseBytes: MAX_MODEL_LIST_BYTES,
    });
    try {
      const reply = await this.send({
        method: 'GET',
        path: '/models',
        ...limits,
        signal: new AbortController().signal,
      });
      return { at: Date.now(), ...readModels(this.url, reply) };
    } catch (error) {
      const trouble =
        error instanceof ExchangeError ? exchangeFailure(this.url, error, limits, false).message : String(error);
      return { at: Date.now(), trouble, models: undefined };
    }
  }
}

/** A server that answers, but not with a list of models, can still serve: only 5xx and a refused key are trouble. */
function readModels(url: string, reply: Reply): Pick<Probe, 'trouble' | 'models'> {
  const { status } = reply;
  if (status >= 500 || status === 401 || status === 403) {
    return { trouble: replyFailure(url, `the models of ${url}`, reply, Date.now()).message, models: undefined };
  }
  if (status >= 300) return { trouble: undefined, models: undefined };
  return { trouble: undefined, models: listedModels(parseJson(reply.body.toString('utf8'))) };
}

function listedModels(body: unknown): readonly ListedModel[] | undefined {
  if (!isObject(body) || !Array.isArray(body['data'])) return undefined;
  return body['data'].filter(isObject).flatMap(({ id, owned_by: ownedBy, created }) => {
    if (typeof id !== 'string' || id === '') return [];
    return [
      {
        id,
        ownedBy: typeof ownedBy === 'string' ? ownedBy : undefined,
        created: typeof created === 'number' ? Math.floor(created) : undefined,
      },
    ];
  });
}

/** Without a trailing slash; a URL without a path means `/v1`. */
export function baseUrl(text: string): { readonly href: string; readonly origin: string; readonly pathname: string } {
  const { origin, pathname } = new URL(text);
  const path = pathname.replace(/\/+$/, '') || '/v1';
  return { href: origin + path, origin, pathname: path };
}
