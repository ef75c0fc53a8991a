import { STATUS_CODES } from 'node:http';
import { classifyStatus, failure } from '@llm-engine/contracts';
import type { Failure, FailureClass } from '@llm-engine/contracts';
import type { ExchangeError, Reply } from './exchange.ts';
import { isObject, parseJson } from './json.ts';
import { retryAfterMs } from './retry-after.ts';
import type { AnswerLimits } from './settings.ts';

/** How much of an answer that is not JSON is worth quoting. */
const MAX_QUOTE = 200;

/** What the error types of servers that name no status mean. */
const TYPE_CLASSES: ReadonlyMap<string, FailureClass> = new Map([
  ['rate_limit_error', 'rate_limited'],
  ['overloaded_error', 'overloaded'],
  ['invalid_request_error', 'bad_request'],
  ['BadRequestError', 'bad_request'],
]);

/** A server's answer with a status other than 2xx. `asked` names what it was asked for, such as `the model 'm'`. */
export function replyFailure(url: string, asked: string, reply: Reply, now: number): Failure {
  const { status, headers } = reply;
  if (status < 400) return redirectFailure(url, reply);
  const text = reply.body.toString('utf8');
  const said = errorFields(parseJson(text));
  const message = said.message ?? describeStatus(url, status, text);
  const failureClass = classifyStatus(status, tooLongCode(message) ?? said.code);
  if (isKeyRefusal(failureClass)) return keyRefusal(failureClass, asked);
  const waitMs = retryAfterMs(headers, now);
  return failure(failureClass, message, {
    ...(status < 500 && status !== 408 ? { status } : {}),
    ...pick(said),
    ...(waitMs === undefined ? {} : { retryAfterMs: waitMs }),
  });
}

/** An error that a server sends in an answer which began well: a frame of a stream, or a body with status 200. */
export function frameFailure(url: string, model: string, frame: unknown): Failure {
  const said = errorFields(frame);
  const message = said.message ?? `${url} reported an error inside its answer and did not say which; see its log.`;
  const failureClass = frameClass(said, message);
  if (isKeyRefusal(failureClass)) return keyRefusal(failureClass, `the model '${model}'`);
  return failure(failureClass, message, pick(said));
}

type KeyRefusal = 'unauthorized' | 'forbidden';

function isKeyRefusal(failureClass: FailureClass): failureClass is KeyRefusal {
  return failureClass === 'unauthorized' || failureClass === 'forbidden';
}

/** In words of our own: a server may quote a part of the key. */
function keyRefusal(failureClass: KeyRefusal, asked: string): Failure {
  const refused = failureClass === 'unauthorized' ? 'refused the key' : 'does not allow the key';
  return failure(
    failureClass,
    `The model server ${refused} that it was asked with for ${asked}; check the apiKey of the model's endpoint.`,
  );
}

/** An exchange that did not come to its end. */
export function exchangeFailure(url: string, error: ExchangeError, limits: AnswerLimits, streaming: boolean): Failure {
  if (error.kind === 'timeout') {
    const message = `${url} did not finish its answer within ${limits.timeoutMs} ms; raise the model's timeout or ask for less.`;
    return failure('timeout', message);
  }
  if (error.kind === 'too-large') {
    const message = `${url} answered more than ${limits.maxResponseBytes} bytes; raise the model's maxResponseBytes or ask for less.`;
    return failure('response_too_large', message);
  }
  return transportFailure(url, error, limits, streaming);
}

/** A 2xx answer that is not what the protocol says. */
export function malformed(url: string, what: string): Failure {
  return failure('malformed_response', `${url} ${what}; check that it is an OpenAI-compatible server.`);
}

function transportFailure(url: string, error: ExchangeError, limits: AnswerLimits, streaming: boolean): Failure {
  const { code, message } = causeOf(error);
  if (code === 'UND_ERR_HEADERS_TIMEOUT') {
    return failure('timeout', `${url} did not start its answer within ${limits.headersTimeoutMs} ms.`);
  }
  if (code === 'UND_ERR_BODY_TIMEOUT') {
    return failure('timeout', `${url} fell silent for ${limits.idleTimeoutMs} ms inside its answer.`);
  }
  if (code.startsWith('HPE_') || code === 'UND_ERR_HEADERS_OVERFLOW') {
    return malformed(url, `did not answer in HTTP (${code})`);
  }
  if (error.answered) {
    const what = `${url} closed the connection inside its answer (${code || message})`;
    return failure(streaming ? 'stream_interrupted' : 'connection', `${what}; see its log.`);
  }
  return failure('connection', `Could not reach ${url} (${code || message}); check that it runs and is reachable.`);
}

/** Several addresses of one name fail as one AggregateError, whose members say why. */
function causeOf(error: ExchangeError): { code: string; message: string } {
  const cause = error.cause instanceof AggregateError ? error.cause.errors[0] : error.cause;
  if (!(cause instanceof Error)) return { code: '', message: String(cause) };
  return { code: 'code' in cause && typeof cause.code === 'string' ? cause.code : '', message: cause.message };
}

function redirectFailure(url: string, { status, headers }: Reply): Failure {
  const target = headers.location === undefined ? '' : ` to ${headers.location}`;
  return failure('bad_request', `${url} redirects${target} (${status}); name the final address in its url.`, {
    status: 502,
    code: 'upstream_redirect',
    type: 'server_error',
  });
}

function describeStatus(url: string, status: number, text: string): string {
  const quote = text.trim().slice(0, MAX_QUOTE);
  return `${url} answered ${status} ${STATUS_CODES[status] ?? ''}`.trimEnd() + (quote === '' ? '.' : `: ${quote}`);
}

interface SaidError {
  readonly message?: string;
  readonly type?: string;
  readonly param?: string;
  readonly code?: string;
  /** Some servers put the HTTP status where the code belongs. */
  readonly status?: number;
}

/** Reads `{error: {...}}`, `{error: "..."}` (Ollama), a bare error object (older vLLM) and `{detail}` (FastAPI). */
function errorFields(body: unknown): SaidError {
  if (!isObject(body)) return {};
  const { error, detail } = body;
  if (typeof error === 'string') return { message: error };
  if (typeof detail === 'string') return { message: detail };
  if (Array.isArray(detail)) return { message: JSON.stringify(detail).slice(0, MAX_QUOTE) };
  const { message, type, param, code } = isObject(error) ? error : body;
  return {
    ...(typeof message === 'string' && message !== '' ? { message } : {}),
    ...(typeof type === 'string' && type !== '' ? { type } : {}),
    ...(typeof param === 'string' ? { param } : {}),
    ...(typeof code === 'string' && code !== '' ? { code } : {}),
    ...(typeof code === 'number' ? { status: code } : {}),
  };
}

function pick({ type, param, code }: SaidError): Partial<Failure> {
  return {
    ...(type === undefined ? {} : { type }),
    ...(param === undefined ? {} : { param }),
    ...(code === undefined ? {} : { code }),
  };
}

function frameClass(said: SaidError, message: string): FailureClass {
  const code = tooLongCode(message) ?? said.code;
  const status = said.status ?? Number(said.code);
  if (code === 'context_length_exceeded') return 'context_too_long';
  if (status >= 400 && status < 600) return classifyStatus(status, code);
  return TYPE_CLASSES.get(said.type ?? '') ?? classifyStatus(500, code);
}

/** vLLM, llama.cpp and others say only in words that the context is too long. */
function tooLongCode(message: string): string | undefined {
  return /maximum context length|context length exceeded|exceeds the available context size/i.test(message)
    ? 'context_length_exceeded'
    : undefined;
}
