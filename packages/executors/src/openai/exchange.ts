import type { IncomingHttpHeaders } from 'node:http';
import type { Dispatcher } from 'undici';
import { abortError } from '../abort.ts';

export interface ExchangeRequest {
  readonly dispatcher: Dispatcher;
  readonly method: 'GET' | 'POST';
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string;
  /** All in milliseconds. */
  readonly timeoutMs: number;
  readonly headersTimeoutMs: number;
  readonly idleTimeoutMs: number;
  readonly maxResponseBytes: number;
  readonly signal: AbortSignal;
  /** Asked once the headers are there: takes the body as it arrives, or leaves it to be collected. */
  readonly openSink?: (status: number, headers: IncomingHttpHeaders) => ReplySink | undefined;
}

/** Takes the bytes of a body. */
export interface ReplySink {
  /** Answers true when it has all it needs, however the body goes on. */
  push(bytes: Buffer): boolean;
}

export interface Reply {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  /** Empty when a sink took it. */
  readonly body: Buffer;
}

/** Why an exchange did not come to its end. `sent`: it had begun to go out; `answered`: the headers had arrived. */
export class ExchangeError extends Error {
  override readonly name = 'ExchangeError';
  readonly kind: 'transport' | 'timeout' | 'too-large';
  readonly sent: boolean;
  readonly answered: boolean;

  constructor(
    kind: ExchangeError['kind'],
    { sent, answered, cause }: { readonly sent: boolean; readonly answered: boolean; readonly cause?: unknown },
  ) {
    super(`The exchange ended early: ${kind}.`, { cause });
    this.kind = kind;
    this.sent = sent;
    this.answered = answered;
  }
}

/** How long a body may stay open after its reader has all it needs. The connection is reused when it ends in time. */
const LINGER_MS = 1000;

/**
 * One HTTP request and its answer, over undici's `dispatch`: a third faster than `request`, and three times `fetch`.
 * Rejects with an `ExchangeError`, with the signal's reason, or with what a sink throws; the connection is closed in each case.
 */
export function exchange(request: ExchangeRequest): Promise<Reply> {
  return new Exchange(request).run();
}

class Exchange implements Dispatcher.DispatchHandler {
  readonly #request: ExchangeRequest;
  readonly #reply = Promise.withResolvers<Reply>();
  readonly #parts: Buffer[] = [];
  readonly #onAbort = (): void => this.#fail(abortError(this.#request.signal));
  #controller: Dispatcher.DispatchController | undefined;
  #timer: NodeJS.Timeout | undefined;
  #failedWith: Error | undefined;
  #settled = false;
  #status = 0;
  #headers: IncomingHttpHeaders = {};
  #size = 0;
  #sink: ReplySink | undefined;

  constructor(request: ExchangeRequest) {
    this.#request = request;
  }

  run(): Promise<Reply> {
    const { dispatcher, method, path, headers, body, headersTimeoutMs, idleTimeoutMs, timeoutMs, signal } =
      this.#request;
    if (signal.aborted) return Promise.reject(abortError(signal));
    signal.addEventListener('abort', this.#onAbort, { once: true });
    this.#timer = setTimeout(() => this.#fail(this.#error('timeout')), timeoutMs);
    dispatcher.dispatch(
      {
        method,
        path,
        headers,
        body: body ?? null,
        headersTimeout: headersTimeoutMs,
        bodyTimeout: idleTimeoutMs,
      },
      this,
    );
    return this.#reply.promise;
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.#controller = controller;
    // It was given up while it waited for its connection.
    if (this.#failedWith !== undefined) controller.abort(this.#failedWith);
  }

  onResponseStart(_controller: Dispatcher.DispatchController, status: number, headers: IncomingHttpHeaders): void {
    // An interim answer (1xx) is not the answer.
    if (status < 200) return;
    this.#status = status;
    this.#headers = headers;
    this.#sink = this.#request.openSink?.(status, headers);
  }

  onResponseData(_controller: Dispatcher.DispatchController, bytes: Buffer): void {
    if (this.#settled) return;
    this.#size += bytes.length;
    if (this.#size > this.#request.maxResponseBytes) {
      this.#fail(this.#error('too-large'));
      return;
    }
    if (this.#sink === undefined) {
      this.#parts.push(bytes);
      return;
    }
    try {
      if (this.#sink.push(bytes)) this.#finishEarly();
    } catch (error) {
      this.#fail(error instanceof Error ? error : new Error(String(error)));
    }
  }

  onResponseEnd(): void {
    this.#settle();
    clearTimeout(this.#timer);
    const body = this.#parts.length === 1 ? this.#parts[0] : Buffer.concat(this.#parts);
    this.#reply.resolve({ status: this.#status, headers: this.#headers, body: body ?? Buffer.alloc(0) });
  }

  onResponseError(_controller: Dispatcher.DispatchController, error: Error): void {
    clearTimeout(this.#timer);
    this.#settle();
    this.#reply.reject(this.#failedWith ?? this.#error('transport', error));
  }

  #error(kind: ExchangeError['kind'], cause?: Error): ExchangeError {
    // The dispatcher says that a request starts once it has a connection for it.
    return new ExchangeError(kind, { sent: this.#controller !== undefined, answered: this.#status !== 0, cause });
  }

  #finishEarly(): void {
    this.#settle();
    this.#reply.resolve({ status: this.#status, headers: this.#headers, body: Buffer.alloc(0) });
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#controller?.abort(this.#error('timeout')), LINGER_MS);
    this.#timer.unref();
  }

  #fail(error: Error): void {
    if (this.#settled) return;
    this.#settle();
    clearTimeout(this.#timer);
    this.#failedWith = error;
    this.#reply.reject(error);
    this.#controller?.abort(error);
  }

  #settle(): void {
    this.#settled = true;
    this.#request.signal.removeEventListener('abort', this.#onAbort);
  }
}
