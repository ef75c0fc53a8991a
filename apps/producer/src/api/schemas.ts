import { MAX_GROUP_JOBS, REQUEST_SCHEMAS, groupRequest, jobSubmission } from '@llm-engine/contracts';
import { wireGroup } from '../groups/wire.ts';
import { retryRequest } from '../jobs/requests.ts';
import { MAX_JOBS } from '../jobs/submit.ts';
import { WIRE_NAMES, wireJob } from '../jobs/wire.ts';
import { arrayOf, jsonSchema, object, pageOf, text } from './json-schema.ts';
import type { JsonSchema } from './json-schema.ts';
import { storageSchemas } from './storage-schemas.ts';

export function ref(name: keyof ReturnType<typeof componentSchemas>): JsonSchema {
  return { $ref: `#/components/schemas/${name}` };
}

const wireNames = new Map<string, string>(Object.entries(WIRE_NAMES).map(([wire, core]) => [core, wire]));

export function componentSchemas() {
  return {
    ChatCompletionRequest: jsonSchema(REQUEST_SCHEMAS['/v1/chat/completions']),
    CompletionRequest: jsonSchema(REQUEST_SCHEMAS['/v1/completions']),
    EmbeddingRequest: jsonSchema(REQUEST_SCHEMAS['/v1/embeddings']),
    Completion: { type: 'object', description: 'As the model server answered it.', additionalProperties: true },
    Model: object({ id: text, object: { const: 'model' }, created: { type: 'integer' }, owned_by: text }),
    ModelList: object({ object: { const: 'list' }, data: arrayOf('Model') }),
    JobSubmission: withWireNames(jsonSchema(jobSubmission)),
    JobSubmissions: object({
      jobs: { type: 'array', minItems: 1, maxItems: MAX_JOBS, items: { $ref: '#/components/schemas/JobSubmission' } },
    }),
    AcceptedJob: object({ id: text, object: { const: 'job' } }),
    AcceptedJobs: object({ object: { const: 'list' }, data: arrayOf('AcceptedJob') }),
    Job: jsonSchema(wireJob, 'output'),
    JobList: pageOf('Job'),
    ...storageSchemas(),
    GroupRequest: groupSubmission(),
    Group: jsonSchema(wireGroup, 'output'),
    GroupList: pageOf('Group'),
    RetryRequest: jsonSchema(retryRequest),
    RetriedDeadLetters: object({ object: { const: 'dead_letters.retry' }, retried: { type: 'integer' } }),
    Probe: object({ status: text, reason: text }, ['status']),
    Error: object({
      error: object({
        message: text,
        type: text,
        param: { type: ['string', 'null'], description: 'The field at fault.' },
        code: { type: ['string', 'null'], description: 'Stable: programs may switch on it.' },
      }),
    }),
  } as const;
}

function groupSubmission(): JsonSchema {
  const { properties, ...rest } = jsonSchema(groupRequest) as { properties?: JsonSchema };
  const jobs = { ...arrayOf('JobSubmission'), minItems: 1, maxItems: MAX_GROUP_JOBS };
  return { ...rest, properties: { ...properties, jobs } };
}

/** Submissions are checked under the names that they have in Node. */
function withWireNames(schema: JsonSchema): JsonSchema {
  return JSON.parse(JSON.stringify(schema), (_key, value: unknown) => {
    if (typeof value !== 'object' || value === null || Array.isArray(value)) return value;
    return Object.fromEntries(Object.entries(value).map(([name, part]) => [wireNames.get(name) ?? name, part]));
  }) as JsonSchema;
}
