/** What went wrong with one attempt: an OpenAI-shaped error with the class it was sorted into. */
export interface Failure {
  readonly class: FailureClass;
  /** HTTP status that a synchronous caller is answered with. */
  readonly status: number;
  /** Stable, machine-readable; the model server's own code where it gave one. */
  readonly code: string;
  /** The OpenAI error type, such as `invalid_request_error` or `server_error`. */
  readonly type: string;
  readonly message: string;
  readonly param: string | null;
  /** How long the model server asked us to wait, in milliseconds. */
  readonly retryAfterMs?: number;
}

interface FailureRule {
  /** Whether another attempt can succeed where this one did not. */
  readonly retry: boolean;
  readonly status: number;
  readonly type: string;
  /** Where the name of the class would not do. */
  readonly code?: string;
}

/** The one table of failures: which are worth another attempt, and what a caller is told. Also the allow-list of the `error_type` label. */
export const FAILURES = {
  rate_limited: { retry: true, status: 429, type: 'rate_limit_error' },
  overloaded: { retry: true, status: 503, type: 'server_error' },
  server_error: { retry: true, status: 502, type: 'server_error' },
  timeout: { retry: true, status: 504, type: 'server_error' },
  connection: { retry: true, status: 502, type: 'server_error' },
  stream_interrupted: { retry: true, status: 502, type: 'server_error' },
  malformed_response: { retry: true, status: 502, type: 'server_error' },
  bad_request: { retry: false, status: 400, type: 'invalid_request_error' },
  context_too_long: { retry: false, status: 400, type: 'invalid_request_error' },
  // The model server refused the engine's key: nothing that the caller could mend, so not a 401 or 403 to them.
  unauthorized: { retry: false, status: 502, type: 'server_error', code: 'upstream_unauthorized' },
  forbidden: { retry: false, status: 502, type: 'server_error', code: 'upstream_forbidden' },
  not_found: { retry: false, status: 404, type: 'not_found_error' },
  too_large: { retry: false, status: 413, type: 'invalid_request_error' },
  response_too_large: { retry: false, status: 502, type: 'server_error' },
  unsupported: { retry: false, status: 400, type: 'invalid_request_error' },
  fine_tune_failed: { retry: false, status: 500, type: 'server_error' },
  worker_crashed: { retry: false, status: 500, type: 'server_error' },
  internal: { retry: false, status: 500, type: 'server_error' },
} as const satisfies Record<string, FailureRule>;

export type FailureClass = keyof typeof FAILURES;

export function isRetryable(failure: Failure): boolean {
  return FAILURES[failure.class].retry;
}

/** Fills a failure's status and type from the table; `overrides` carries what the model server said itself. */
export function failure(
  failureClass: FailureClass,
  message: string,
  overrides: Partial<Omit<Failure, 'class' | 'message'>> = {},
): Failure {
  const { status, type, code = failureClass }: FailureRule = FAILURES[failureClass];
  return { class: failureClass, status, type, code, param: null, message, ...overrides };
}

/** Sorts a model server's HTTP status, and the error code in its body, into a failure class. */
export function classifyStatus(status: number, code?: string | null): FailureClass {
  if (code === 'context_length_exceeded') return 'context_too_long';
  switch (status) {
    case 401:
      return 'unauthorized';
    case 403:
      return 'forbidden';
    case 404:
      return 'not_found';
    case 408:
      return 'timeout';
    case 413:
      return 'too_large';
    case 429:
      return 'rate_limited';
    case 503:
      return 'overloaded';
    case 504:
      return 'timeout';
  }
  return status >= 500 ? 'server_error' : 'bad_request';
}

/** What a model server answered instead of a result. */
export interface UpstreamAnswer {
  /** The HTTP status, as the server sent it. */
  readonly status: number;
  /** Parsed where it is JSON, else its text; of a long one only the beginning, as text. Never quotes a key. */
  readonly body: unknown;
}

interface FailureDetails extends ErrorOptions {
  /** Left out where the server did not answer, or where its status said that all is well. */
  readonly upstream?: UpstreamAnswer | undefined;
  /** False only when the request certainly never reached the model server. Default true. */
  readonly sent?: boolean;
}

/** Thrown by an executor when an attempt fails in a way that it understands. */
export class FailureError extends Error {
  override readonly name = 'FailureError';
  readonly failure: Failure;
  readonly upstream: UpstreamAnswer | undefined;
  readonly sent: boolean;

  constructor(cause: Failure, { upstream, sent = true, ...options }: FailureDetails = {}) {
    super(cause.message, options);
    this.failure = cause;
    this.upstream = upstream;
    this.sent = sent;
  }
}
