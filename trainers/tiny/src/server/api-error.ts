/** Every error a client can meet, with the status and the type that the OpenAI API gives it. */
const errors = {
  invalid_json: { status: 400, type: 'invalid_request_error' },
  invalid_value: { status: 400, type: 'invalid_request_error' },
  missing_required_parameter: { status: 400, type: 'invalid_request_error' },
  unsupported_parameter: { status: 400, type: 'invalid_request_error' },
  context_length_exceeded: { status: 400, type: 'invalid_request_error' },
  model_not_found: { status: 404, type: 'invalid_request_error' },
  unknown_url: { status: 404, type: 'invalid_request_error' },
  method_not_allowed: { status: 405, type: 'invalid_request_error' },
  request_too_large: { status: 413, type: 'invalid_request_error' },
  internal_error: { status: 500, type: 'server_error' },
  worker_died: { status: 503, type: 'server_error' },
  overloaded: { status: 503, type: 'server_error' },
} as const;

export type ApiErrorCode = keyof typeof errors;

export class ApiError extends Error {
  readonly code: ApiErrorCode;
  readonly param: string | null;

  constructor(
    code: ApiErrorCode,
    message: string,
    options: { readonly param?: string; readonly cause?: unknown } = {},
  ) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = 'ApiError';
    this.code = code;
    this.param = options.param ?? null;
  }

  get status(): number {
    return errors[this.code].status;
  }

  /** The body of the answer, and the frame of a stream that breaks. */
  toJSON(): { readonly error: Readonly<Record<'message' | 'type' | 'code', string> & { param: string | null }> } {
    return { error: { message: this.message, type: errors[this.code].type, param: this.param, code: this.code } };
  }
}

/** What is not an error of ours is told without its insides. */
export function toApiError(error: unknown): ApiError {
  return error instanceof ApiError
    ? error
    : new ApiError('internal_error', 'The server failed to answer. Send the request again.', { cause: error });
}
