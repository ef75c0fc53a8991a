import { CommandError } from '../command-error.ts';
import { EXIT } from '../exit-codes.ts';
import { z } from 'zod';

export interface Server {
  readonly url: string;
  readonly apiKey?: string;
  /** What to do when nobody answers there. */
  readonly unreachableHint: string;
}

export interface Request {
  readonly method?: 'GET' | 'POST' | 'DELETE';
  readonly path: string;
  readonly query?: Readonly<Record<string, string | number | undefined>>;
  readonly headers?: Readonly<Record<string, string>>;
  /** Sent as JSON. */
  readonly body?: unknown;
  readonly signal?: AbortSignal;
  /** For the whole answer, in milliseconds; after it the engine counts as away. Default: as long as it takes. */
  readonly timeoutMs?: number;
}

const errorAnswer = z.object({ error: z.object({ message: z.string(), code: z.string().nullish() }) });

/** Statuses that say "later", not "no". */
const LATER: ReadonlySet<number> = new Set([429, 502, 503, 504]);

/** One request, whatever its status. Rejects with `engine_unreachable` when nobody answers. */
export async function send(server: Server, request: Request): Promise<Response> {
  const { method = 'GET', path, query = {}, headers = {}, body, signal, timeoutMs } = request;
  const url = urlOf(server.url, path, query);
  try {
    return await fetch(url, {
      method,
      headers: {
        ...(server.apiKey !== undefined && { authorization: `Bearer ${server.apiKey}` }),
        ...(body !== undefined && { 'content-type': 'application/json' }),
        ...headers,
      },
      ...(body !== undefined && { body: JSON.stringify(body) }),
      ...withSignal(signal, timeoutMs),
    });
  } catch (error) {
    signal?.throwIfAborted();
    throw unreachable(server, error);
  }
}

/**
 * The body of an answer, once its status says that it is one: a 2xx, or one of `alsoGood`.
 * Rejects with the server's own error code otherwise.
 */
export async function readJson<T>(
  server: Server,
  response: Response,
  schema: z.ZodType<T>,
  alsoGood: readonly number[] = [],
): Promise<T> {
  if (!response.ok && !alsoGood.includes(response.status)) throw await refusal(server, response);
  const parsed = schema.safeParse(await bodyOf(server, response));
  if (parsed.success) return parsed.data;
  throw notAnEngine(server, parsed.error);
}

/** The bytes of an answer as they come. Rejects as `readJson` does, and with `connection_lost` when they break off. */
export async function* readBytes(server: Server, response: Response, signal?: AbortSignal): AsyncGenerator<Uint8Array> {
  if (!response.ok || response.body === null) throw await refusal(server, response);
  try {
    yield* response.body;
  } catch (error) {
    signal?.throwIfAborted();
    throw connectionLost(server, error);
  }
}

export async function refusal(server: Server, response: Response): Promise<CommandError> {
  const parsed = errorAnswer.safeParse(await bodyOf(server, response));
  if (!parsed.success) return notAnEngine(server, parsed.error);
  const { message, code } = parsed.data.error;
  const hint = response.status === 401 ? ' Give one with --api-key or LLM_ENGINE_API_KEY.' : '';
  return new CommandError(code ?? `http_${response.status}`, `${message}${hint}`, {
    exitCode: LATER.has(response.status) ? EXIT.unreachable : EXIT.failed,
  });
}

export function unreachable(server: Server, cause: unknown): CommandError {
  return new CommandError('engine_unreachable', `Nothing answers at ${server.url}. ${server.unreachableHint}`, {
    cause,
    exitCode: EXIT.unreachable,
  });
}

function notAnEngine(server: Server, cause: unknown): CommandError {
  return new CommandError(
    'unexpected_answer',
    `What answers at ${server.url} does not speak as an LLM Engine of this version does. ${server.unreachableHint}`,
    { cause, exitCode: EXIT.unreachable },
  );
}

function connectionLost(server: Server, cause: unknown): CommandError {
  return new CommandError('connection_lost', `The connection to ${server.url} broke off. Try again.`, {
    cause,
    exitCode: EXIT.unreachable,
  });
}

function withSignal(signal: AbortSignal | undefined, timeoutMs: number | undefined): { readonly signal?: AbortSignal } {
  const signals = [signal, timeoutMs === undefined ? undefined : AbortSignal.timeout(timeoutMs)];
  const given = signals.filter((one) => one !== undefined);
  return given.length === 0 ? {} : { signal: AbortSignal.any(given) };
}

async function bodyOf(server: Server, response: Response): Promise<unknown> {
  const text = await response.text().catch((error: unknown) => {
    throw connectionLost(server, error);
  });
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

/** Throws `usage` when the base is no address. */
export function urlOf(base: string, path: string, query: NonNullable<Request['query']> = {}): URL {
  const url = URL.parse(`${base.replace(/\/+$/, '')}${path}`);
  if (url === null || !/^https?:$/.test(url.protocol)) {
    throw new CommandError('usage', `'${base}' is no address of an engine; it looks like http://127.0.0.1:8080.`, {
      exitCode: EXIT.usage,
    });
  }
  for (const [name, value] of Object.entries(query)) {
    if (value !== undefined) url.searchParams.set(name, String(value));
  }
  return url;
}
