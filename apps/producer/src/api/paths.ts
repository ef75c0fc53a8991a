import { jobQuery, listQuery, streamQuery, waitQuery } from '../jobs/requests.ts';
import type { JsonSchema } from './json-schema.ts';
import { IDEMPOTENCY_KEY, content, json, operation, query } from './operation.ts';
import { ref } from './schemas.ts';
import { groupPaths } from './group-paths.ts';
import { storagePaths } from './storage-paths.ts';

const STREAMED = { 'text/event-stream': { type: 'string' } };
const JOB_ID = { name: 'id', in: 'path', required: true, schema: { type: 'string' }, description: 'Id of the job.' };
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
    ...storagePaths(),
    ...groupPaths(),
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
