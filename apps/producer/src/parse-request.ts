import { EngineError, describeIssue } from '@llm-engine/contracts';
import type { z } from 'zod';

/** Throws `invalid_request`, which names the parameter. */
export function parseRequest<Schema extends z.ZodType>(schema: Schema, value: unknown): z.infer<Schema> {
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  const { message, param } = describeIssue(parsed.error);
  throw new EngineError('invalid_request', message, { param });
}
