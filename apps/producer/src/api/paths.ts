import type { z } from 'zod';
import { jobQuery, listQuery, streamQuery, waitQuery } from '../jobs/requests.ts';
import { jsonSchema, ref } from './schemas.ts';
import type { JsonSchema } from './schemas.ts';

interface Operation {
  readonly tag: string;
  readonly summary: string;
  readonly description?: string;
  readonly body?: JsonSchema;
  /** Default: a body is needed where there is one. */
  readonly bodyRequired?: boolean;
  readonly parameters?: readonly JsonSchema[];
  readonly status?: number;
  /** What is answered, by content type. */
  readonly answer: Readonly<Record<string, JsonSchema>>;
  /** Statuses of errors beside those that every route has. */
  readonly errors?: Readonly<Record<number, string>>;
}

const STREAMED = { 'text/event-stream': { type: 'string' } };
const JOB_ID = { name: 'id', in: 'path', required: true, schema: { type: 'string' }, description: 'Id of the job.' };
const IDEMPOTENCY_KEY = {
  name: 'Idempotency-Key',
  in: 'header',
  schema: { type: 'string', minLength: 1, maxLength: 255 },
  description: 'The same key with the same payload is the same job for a day.',
};
const PRIORITY = {
  name: 'X-Priority',
  in: 'header',
  schema: { type: 'string', enum: ['interactive', 'standard', 'bulk'], default: 'interactive' },
};
const LAST_EVENT_ID = {
  name: 'Last-Event-ID',
  in: 'header',
  schema: { type: 'integer', minimum: 0 },
  description: 'Number of the last chunk that was seen; the stream goes on after it.',
};

export function paths(): Readonly<Record<string, JsonSchema>> {
  return {
    '/v1/chat/completions': { post: inference('Chat completion', ref('ChatCompletionRequest')) },
    '/v1/completions': { post: inference('Completion', ref('CompletionRequest')) },
    '/v1/embeddings': { post: inference('Embeddings', ref('EmbeddingRequest'), { streams: false }) },
    '/v1/models': {
      get: operation({ tag: 'OpenAI', summary: 'List models', answer: json(ref('ModelList')) }),
    },
    '/v1/models/{model}': {
      get: operation({
        tag: 'OpenAI',
        summary: 'Get a model',
        parameters: [{ name: 'model', in: 'path', required: true, schema: { type: 'string' } }],
        answer: json(ref('Model')),
        errors: { 404: '`model_not_found`' },
      }),
    },
    '/v1/jobs': {
      post: operation({
        tag: 'Jobs',
        summary: 'Submit one job or many',
        description: 'Many jobs are all checked before the first is accepted.',
        body: { oneOf: [ref('JobSubmission'), ref('JobSubmissions')] },
        parameters: [IDEMPOTENCY_KEY],
        status: 202,
        answer: json({ anyOf: [ref('Job'), ref('AcceptedJob'), ref('AcceptedJobs')] }),
        errors: { 404: '`model_not_found`', 409: '`idempotency_conflict`' },
      }),
      get: operation({
        tag: 'Jobs',
        summary: 'List jobs, newest first',
        parameters: query(listQuery),
        answer: json(ref('JobList')),
      }),
    },
    '/v1/jobs/{id}': {
      get: operation({
        tag: 'Jobs',
        summary: 'Get a job, with its result when it has one',
        parameters: [JOB_ID, ...query(jobQuery)],
        answer: json(ref('Job')),
        errors: { 404: '`job_not_found`' },
      }),
    },
    '/v1/jobs/{id}/wait': {
      get: operation({
        tag: 'Jobs',
        summary: 'Wait for the end of a job',
        description: 'Answers with the job when it has ended, or as it stands when the time is up: look at `state`.',
        parameters: [JOB_ID, ...query(waitQuery)],
        answer: json(ref('Job')),
        errors: { 404: '`job_not_found`' },
      }),
    },
    '/v1/jobs/{id}/stream': {
      get: operation({
        tag: 'Jobs',
        summary: 'Read the chunks of a job, from its start or from where a reader left off',
        description:
          'Server-sent events: `chunk` (its id is its number, its data what the model server sent), `restart` (the job runs again from ' +
          'its start: forget the chunks before), `gap` (chunks that are not kept any more), `end` (the job), `error`.',
        parameters: [JOB_ID, LAST_EVENT_ID, ...query(streamQuery)],
        answer: STREAMED,
        errors: { 404: '`job_not_found`' },
      }),
    },
    '/v1/jobs/{id}/cancel': {
      post: operation({
        tag: 'Jobs',
        summary: 'Cancel a job that has not ended',
        parameters: [JOB_ID],
        answer: json(ref('Job')),
        errors: { 404: '`job_not_found`', 409: '`job_already_finished`' },
      }),
    },
    '/v1/jobs/{id}/retry': {
      post: operation({
        tag: 'Jobs',
        summary: 'Try a failed job again, as a new job',
        parameters: [JOB_ID],
        status: 202,
        answer: json(ref('Job')),
        errors: { 404: '`job_not_found`', 409: '`job_not_retryable`' },
      }),
    },
    '/v1/dead-letters/retry': {
      post: operation({
        tag: 'Jobs',
        summary: 'Try all failed jobs again that match',
        body: ref('RetryRequest'),
        bodyRequired: false,
        answer: json(ref('RetriedDeadLetters')),
      }),
    },
    '/openapi.json': {
      get: operation({ tag: 'Operations', summary: 'This document', answer: json({ type: 'object' }) }),
    },
    '/metrics': {
      get: operation({
        tag: 'Operations',
        summary: 'Metrics for Prometheus',
        answer: { 'text/plain': { type: 'string' } },
      }),
    },
    '/livez': { get: probe('Whether the process lives') },
    '/readyz': { get: probe('Whether requests should be sent here') },
    '/startupz': { get: probe('Whether the start is over') },
  };
}

function inference(summary: string, body: JsonSchema, { streams = true } = {}): JsonSchema {
  return operation({
    tag: 'OpenAI',
    summary,
    ...(streams && { description: 'With `stream: true` the answer is a stream of chunks that ends with `[DONE]`.' }),
    body,
    parameters: [IDEMPOTENCY_KEY, PRIORITY],
    answer: { ...json(ref('Completion')), ...(streams && STREAMED) },
    errors: {
      404: '`model_not_found`',
      409: '`idempotency_conflict`, `job_cancelled`',
      429: 'The model server is busy.',
      502: 'The model server failed.',
      504: '`wait_timeout`',
    },
  });
}

function probe(summary: string): JsonSchema {
  return {
    tags: ['Operations'],
    summary,
    security: [{}],
    responses: {
      200: { description: 'Yes', content: content(json(ref('Probe'))) },
      503: { description: 'No', content: content(json(ref('Probe'))) },
    },
  };
}

function operation(described: Operation): JsonSchema {
  const { tag, summary, description, body, bodyRequired = true, parameters, status = 200, answer, errors } = described;
  const failing = {
    400: '`invalid_request`',
    401: 'No key, or one that is not known',
    ...errors,
    503: '`queue_unavailable`',
  };
  return {
    tags: [tag],
    summary,
    ...(description !== undefined && { description }),
    ...(parameters !== undefined && { parameters }),
    ...(body !== undefined && { requestBody: { required: bodyRequired, content: content(json(body)) } }),
    responses: {
      [status]: { description: 'OK', content: content(answer) },
      ...Object.fromEntries(
        Object.entries(failing).map(([code, why]) => [
          code,
          { description: why, content: content(json(ref('Error'))) },
        ]),
      ),
    },
  };
}

function json(schema: JsonSchema): Readonly<Record<string, JsonSchema>> {
  return { 'application/json': schema };
}

function content(byType: Readonly<Record<string, JsonSchema>>): JsonSchema {
  return Object.fromEntries(Object.entries(byType).map(([type, schema]) => [type, { schema }]));
}

/** The parameters of a query, from the schema that it is checked with. */
function query(schema: z.ZodType): readonly JsonSchema[] {
  const { properties = {} } = jsonSchema(schema) as { properties?: Record<string, JsonSchema> };
  return Object.entries(properties).map(([name, { description, ...rest }]) => ({
    name,
    in: 'query',
    schema: rest,
    ...(description !== undefined && { description }),
  }));
}
