import { REQUEST_SCHEMAS, jobSubmission } from '@llm-engine/contracts';
import { z } from 'zod';
import { retryRequest } from '../jobs/requests.ts';
import { MAX_JOBS } from '../jobs/submit.ts';
import { WIRE_NAMES, wireJob } from '../jobs/wire.ts';

export type JsonSchema = Readonly<Record<string, unknown>>;

/** A JSON Schema as OpenAPI 3.1 takes it: the one that the server itself checks with. */
export function jsonSchema(schema: z.ZodType, io: 'input' | 'output' = 'input'): JsonSchema {
  const { $schema: _dialect, ...rest } = z.toJSONSchema(schema, { io });
  return rest;
}

export function ref(name: keyof ReturnType<typeof componentSchemas>): JsonSchema {
  return { $ref: `#/components/schemas/${name}` };
}

const text = { type: 'string' } as const;
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
    JobList: object({
      object: { const: 'list' },
      data: arrayOf('Job'),
      has_more: { type: 'boolean' },
      first_id: { type: ['string', 'null'] },
      last_id: { type: ['string', 'null'], description: 'The next page begins `after` it.' },
    }),
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

function object(properties: Readonly<Record<string, unknown>>, required = Object.keys(properties)): JsonSchema {
  return { type: 'object', properties, required };
}

function arrayOf(name: string): JsonSchema {
  return { type: 'array', items: { $ref: `#/components/schemas/${name}` } };
}

/** Submissions are checked under the names that they have in Node. */
function withWireNames(schema: JsonSchema): JsonSchema {
  return JSON.parse(JSON.stringify(schema), (_key, value: unknown) => {
    if (typeof value !== 'object' || value === null || Array.isArray(value)) return value;
    return Object.fromEntries(Object.entries(value).map(([name, part]) => [wireNames.get(name) ?? name, part]));
  }) as JsonSchema;
}
