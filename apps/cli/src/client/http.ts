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
  readonly method?: 'GET' | 'POST';
  readonly path: string;
  readonly query?: Readonly<Record<string, string | number | undefined>>;
  readonly headers?: Readonly<Record<string, string>>;
  /** Sent as JSON. */
  readonly body?: unknown;
  readonly signal?: AbortSignal;
}

const errorAnswer = z.object({ error: z.object({ message: z.string(), code: z.string().nullish() }) });

/** Statuses that say "later", not "no". */
const LATER: ReadonlySet<number> = new Set([429, 502, 503, 504]);

/** One request, whatever its status. Rejects with `engine_unreachable` when nobody answers. */
export async function send(server: Server, request: Request): Promise<Response> {
  const { method = 'GET', path, query = {}, headers = {}, body, signal } = request;
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
      ...(signal !== undefined && { signal }),
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
  const parsed = schema.safeParse(await bodyOf(response));
  if (parsed.success) return parsed.data;
  throw notAnEngine(server, parsed.error);
}

export async function refusal(server: Server, response: Response): Promise<CommandError> {
  const parsed = errorAnswer.safeParse(await bodyOf(response));
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

async function bodyOf(response: Response): Promise<unknown> {
  const text = await response.text();
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

function urlOf(base: string, path: string, query: NonNullable<Request['query']>): URL {
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
