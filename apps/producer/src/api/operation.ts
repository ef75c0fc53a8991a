import type { z } from 'zod';
import { jsonSchema } from './json-schema.ts';
import type { JsonSchema } from './json-schema.ts';
import { ref } from './schemas.ts';

interface Operation {
  readonly tag: string;
  readonly summary: string;
  readonly description?: string;
  readonly body?: JsonSchema;
  /** Default `application/json`. */
  readonly bodyType?: string;
  /** Default: a body is needed where there is one. */
  readonly bodyRequired?: boolean;
  readonly parameters?: readonly JsonSchema[];
  readonly status?: number;
  /** What is answered, by content type. */
  readonly answer: Readonly<Record<string, JsonSchema>>;
  /** Statuses of errors beside those that every route has. */
  readonly errors?: Readonly<Record<number, string>>;
}

export const IDEMPOTENCY_KEY = {
  name: 'Idempotency-Key',
  in: 'header',
  schema: { type: 'string', minLength: 1, maxLength: 255 },
  description: 'The same key with the same payload is the same job for a day.',
};

export function operation(described: Operation): JsonSchema {
  const { tag, summary, description, parameters, status = 200, answer, errors } = described;
  const { body, bodyType = 'application/json', bodyRequired = true } = described;
  const failing = {
    400: '`invalid_request`',
    401: 'No key, or one that is not known',
    503: '`queue_unavailable`',
    ...errors,
  };
  return {
    tags: [tag],
    summary,
    ...(description !== undefined && { description }),
    ...(parameters !== undefined && { parameters }),
    ...(body !== undefined && { requestBody: { required: bodyRequired, content: content({ [bodyType]: body }) } }),
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

/** An operation that needs the storage. */
export function stored({ errors, ...described }: Operation): JsonSchema {
  return operation({
    ...described,
    errors: { ...errors, 501: '`storage_not_configured`', 503: '`queue_unavailable`, `storage_unavailable`' },
  });
}

export function json(schema: JsonSchema): Readonly<Record<string, JsonSchema>> {
  return { 'application/json': schema };
}

export function content(byType: Readonly<Record<string, JsonSchema>>): JsonSchema {
  return Object.fromEntries(Object.entries(byType).map(([type, schema]) => [type, { schema }]));
}

/** The parameters of a query, from the schema that it is checked with. */
export function query(schema: z.ZodType): readonly JsonSchema[] {
  const { properties = {} } = jsonSchema(schema) as { properties?: Record<string, JsonSchema> };
  return Object.entries(properties).map(([name, { description, ...rest }]) => ({
    name,
    in: 'query',
    schema: rest,
    ...(description !== undefined && { description }),
  }));
}
