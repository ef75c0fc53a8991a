/** What each coded error means to an HTTP caller. Codes are stable: clients may switch on them. */
export const ERRORS = {
  invalid_json: { status: 400, type: 'invalid_request_error' },
  invalid_request: { status: 400, type: 'invalid_request_error' },
  missing_api_key: { status: 401, type: 'authentication_error' },
  invalid_api_key: { status: 401, type: 'authentication_error' },
  model_not_found: { status: 404, type: 'invalid_request_error' },
  job_not_found: { status: 404, type: 'invalid_request_error' },
  file_not_found: { status: 404, type: 'invalid_request_error' },
  batch_not_found: { status: 404, type: 'invalid_request_error' },
  group_not_found: { status: 404, type: 'invalid_request_error' },
  route_not_found: { status: 404, type: 'invalid_request_error' },
  method_not_allowed: { status: 405, type: 'invalid_request_error' },
  job_already_finished: { status: 409, type: 'invalid_request_error' },
  job_not_finished: { status: 409, type: 'invalid_request_error' },
  job_not_retryable: { status: 409, type: 'invalid_request_error' },
  idempotency_conflict: { status: 409, type: 'invalid_request_error' },
  file_in_use: { status: 409, type: 'invalid_request_error' },
  batch_already_finished: { status: 409, type: 'invalid_request_error' },
  batch_not_finished: { status: 409, type: 'invalid_request_error' },
  batch_not_retryable: { status: 409, type: 'invalid_request_error' },
  group_already_finished: { status: 409, type: 'invalid_request_error' },
  group_not_finished: { status: 409, type: 'invalid_request_error' },
  group_not_retryable: { status: 409, type: 'invalid_request_error' },
  job_cancelled: { status: 409, type: 'invalid_request_error' },
  file_too_large: { status: 413, type: 'invalid_request_error' },
  request_too_large: { status: 413, type: 'invalid_request_error' },
  unsupported_media_type: { status: 415, type: 'invalid_request_error' },
  internal_error: { status: 500, type: 'server_error' },
  object_missing: { status: 500, type: 'server_error' },
  storage_not_configured: { status: 501, type: 'server_error' },
  storage_unavailable: { status: 503, type: 'server_error' },
  queue_unavailable: { status: 503, type: 'server_error' },
  shutting_down: { status: 503, type: 'server_error' },
  wait_timeout: { status: 504, type: 'server_error' },
  invalid_config: { status: 500, type: 'server_error' },
} as const satisfies Record<string, { status: number; type: string }>;

export type ErrorCode = keyof typeof ERRORS;

interface EngineErrorOptions extends ErrorOptions {
  /** The request field at fault, such as `messages[0].role`. */
  readonly param?: string | null;
  /** When it makes sense to try again, in milliseconds. Becomes `Retry-After`. */
  readonly retryAfterMs?: number;
}

/** An error with a stable code; its message names the thing and the next action. */
export class EngineError extends Error {
  override readonly name = 'EngineError';
  readonly code: ErrorCode;
  readonly param: string | null;
  readonly retryAfterMs: number | undefined;

  constructor(code: ErrorCode, message: string, options: EngineErrorOptions = {}) {
    super(message, options);
    this.code = code;
    this.param = options.param ?? null;
    this.retryAfterMs = options.retryAfterMs;
  }

  /** HTTP status of this error's code. */
  get status(): number {
    return ERRORS[this.code].status;
  }

  /** OpenAI error type of this error's code. */
  get type(): string {
    return ERRORS[this.code].type;
  }
}

/** The body of every error answer, as OpenAI's clients read it. */
export interface ErrorBody {
  readonly error: {
    readonly message: string;
    readonly type: string;
    readonly param: string | null;
    readonly code: string | null;
  };
}

/** Works for an `EngineError` and for a recorded `Failure`: both carry the four fields. */
export function errorBody({ message, type, param, code }: ErrorBody['error']): ErrorBody {
  return { error: { message, type, param, code } };
}
