import { EngineError, FailureError, errorBody, isRetryable } from '@llm-engine/contracts';
import type { ErrorBody } from '@llm-engine/contracts';

/** How a caller is told of an error. */
export interface ErrorAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: ErrorBody;
  /** Whether the fault lies here, and somebody should look at it. */
  readonly defect: boolean;
}

/** Any error as OpenAI's clients read it. What is not meant for callers, such as a stack, does not get out. */
export function errorAnswer(error: unknown): ErrorAnswer {
  if (error instanceof FailureError) {
    const { failure } = error;
    // OpenAI's client sends again whatever has a status of 5xx. Where another attempt cannot help, it is told so.
    return answer(failure.status, errorBody(failure), failure.retryAfterMs, isRetryable(failure), false);
  }
  const known = error instanceof EngineError ? error : fromFastify(error);
  const defect = known.status === 500;
  const said = defect
    ? new EngineError(known.code, 'Something went wrong here. The log has more under the id in `x-request-id`.')
    : known;
  // A conflict stays one, what is not set up stays so, and a wait that was too long would only be doubled: OpenAI's client
  // would send all three again.
  const retry = known.status !== 409 && known.status !== 501 && known.code !== 'wait_timeout';
  return answer(known.status, errorBody(said), known.retryAfterMs, retry, defect);
}

function answer(
  status: number,
  body: ErrorBody,
  retryAfterMs: number | undefined,
  retry: boolean,
  defect: boolean,
): ErrorAnswer {
  const headers: Record<string, string> = {};
  if (retryAfterMs !== undefined) {
    headers['retry-after'] = String(Math.max(1, Math.ceil(retryAfterMs / 1_000)));
    headers['retry-after-ms'] = String(Math.ceil(retryAfterMs));
  }
  if (!retry) headers['x-should-retry'] = 'false';
  return { status, headers, body, defect };
}

/** What Fastify itself finds wrong with a request. */
function fromFastify(error: unknown): EngineError {
  const { code, statusCode, message } = fieldsOf(error);
  switch (code) {
    case 'FST_ERR_CTP_BODY_TOO_LARGE':
      return new EngineError('request_too_large', 'The request body is larger than this server takes.', {
        cause: error,
      });
    case 'FST_ERR_CTP_INVALID_MEDIA_TYPE':
      return new EngineError('unsupported_media_type', 'Send JSON, with the header `Content-Type: application/json`.', {
        cause: error,
      });
    case 'FST_ERR_BAD_URL':
    case 'FST_ERR_MAX_PARAM_LENGTH':
      return new EngineError('invalid_request', 'The path of the request is malformed or too long.', { cause: error });
  }
  if (statusCode >= 400 && statusCode < 500) return new EngineError('invalid_request', message, { cause: error });
  return new EngineError('internal_error', message, { cause: error });
}

function fieldsOf(error: unknown): { code: unknown; statusCode: number; message: string } {
  if (!(error instanceof Error)) return { code: undefined, statusCode: 500, message: String(error) };
  const code = 'code' in error ? error.code : undefined;
  const statusCode = 'statusCode' in error && typeof error.statusCode === 'number' ? error.statusCode : 500;
  return { code, statusCode, message: error.message };
}
