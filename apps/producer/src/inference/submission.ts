import { EngineError, PRIORITIES, REQUEST_SCHEMAS, describeIssue } from '@llm-engine/contracts';
import type { InferenceBody, InferenceEndpoint, InferenceSubmission, Priority } from '@llm-engine/contracts';
import type { FastifyRequest } from 'fastify';
import { readIdempotencyKey } from '../idempotency-key.ts';

/**
 * A request to one of OpenAI's endpoints as a job. The queue's producer checks the body; here that it is one at all, and the
 * headers. `X-Priority` sets the class, which is `interactive` otherwise, since somebody waits.
 */
export function submissionOf(endpoint: InferenceEndpoint, { body, headers }: FastifyRequest): InferenceSubmission {
  if (typeof body !== 'object' || body === null || Array.isArray(body)) {
    throw new EngineError('invalid_request', 'The request body must be a JSON object.');
  }
  const idempotencyKey = readIdempotencyKey(headers);
  return {
    kind: 'inference',
    endpoint,
    body: body as InferenceBody,
    priority: readPriority(headers['x-priority']),
    ...(idempotencyKey !== undefined && { idempotencyKey }),
  };
}

/** Names the field at fault as the caller knows it: `messages[0].role`, where the queue says `body.messages[0].role`. */
export function refusalOf(error: unknown, { endpoint, body }: InferenceSubmission): unknown {
  if (!(error instanceof EngineError) || error.code !== 'invalid_request') return error;
  const parsed = REQUEST_SCHEMAS[endpoint].safeParse(body);
  if (parsed.success) return error;
  const { message, param } = describeIssue(parsed.error);
  return new EngineError('invalid_request', message, { param, cause: error });
}

function readPriority(given: string | string[] | undefined): Priority {
  if (given === undefined) return 'interactive';
  const priority = PRIORITIES.find((known) => known === given);
  if (priority !== undefined) return priority;
  throw new EngineError('invalid_request', `The X-Priority header is one of ${PRIORITIES.join(', ')}.`, {
    param: 'X-Priority',
  });
}
