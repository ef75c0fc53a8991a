import { z } from 'zod';

export type JsonSchema = Readonly<Record<string, unknown>>;

export const text = { type: 'string' } as const;
export const integer = { type: 'integer' } as const;

/** A JSON Schema as OpenAPI 3.1 takes it: the one that the server itself checks with. */
export function jsonSchema(schema: z.ZodType, io: 'input' | 'output' = 'input'): JsonSchema {
  const { $schema: _dialect, ...rest } = z.toJSONSchema(schema, { io });
  return rest;
}

export function object(
  properties: Readonly<Record<string, unknown>>,
  required: readonly string[] = Object.keys(properties),
): JsonSchema {
  return { type: 'object', properties, required };
}

export function arrayOf(name: string): JsonSchema {
  return { type: 'array', items: { $ref: `#/components/schemas/${name}` } };
}

/** A page of a list. */
export function pageOf(name: string): JsonSchema {
  return object({
    object: { const: 'list' },
    data: arrayOf(name),
    has_more: { type: 'boolean' },
    first_id: { type: ['string', 'null'] },
    last_id: { type: ['string', 'null'], description: 'The next page begins `after` it.' },
  });
}
