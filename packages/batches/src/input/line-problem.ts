import { INFERENCE_ENDPOINTS, REQUEST_SCHEMAS, describeIssue } from '@llm-engine/contracts';
import type { BatchError, InferenceEndpoint } from '@llm-engine/contracts';
import { z } from 'zod';
import { narrow } from './narrow.ts';
import { isObject, isRequestBody } from './request-check.ts';

/** What is wrong with a line, without its number. */
export type LineProblem = Omit<BatchError, 'line'>;

const MAX_ID_CHARS = 512;
const FIELDS = 4;
/** Wrong lines up to this size are judged as they are: no list in them is long enough to matter. */
const SHORT_BYTES = 16 * 1024;

/** Whether the schema would take the line, found by hand: most lines are right, and the schema takes ten times as long. */
export function isRequestLine(line: unknown, endpoint: InferenceEndpoint | undefined): boolean {
  if (endpoint === undefined || !isObject(line)) return false;
  const { custom_id: id, method, url, body } = line;
  if (typeof id !== 'string' || id.length === 0 || id.length > MAX_ID_CHARS) return false;
  if (method !== 'POST' || url !== endpoint || !isRequestBody(endpoint, body)) return false;
  return Object.keys(line).length === FIELDS;
}

/**
 * The first thing that is wrong with a line which `isRequestLine` did not take; undefined when nothing is. Without an endpoint
 * any will do. `bytes` is the length of the line.
 */
export function findProblem(
  line: unknown,
  endpoint: InferenceEndpoint | undefined,
  bytes: number,
): LineProblem | undefined {
  // A schema lists everything that is wrong: of a line of megabytes that took seconds, and a gigabyte of memory.
  const start = bytes <= SHORT_BYTES ? line : narrow(line, (part) => isRequestLine(part, endpoint));
  const issue = judge(start, endpoint) ?? judge(line, endpoint);
  return issue === undefined ? undefined : describe(issue, line);
}

function judge(line: unknown, endpoint: InferenceEndpoint | undefined): z.core.$ZodIssue | undefined {
  return schemaOf(endpoint).safeParse(line).error?.issues[0];
}

function describe(issue: z.core.$ZodIssue, line: unknown): LineProblem {
  if (issue.code === 'unrecognized_keys') {
    const name = issue.keys[0] ?? '';
    return {
      code: 'invalid_request',
      message: `${quote(name)} is no field of a batch line. Take it out, or move it into 'body' if it is meant for the model.`,
      param: name,
    };
  }
  const { message, param } = describeIssue(new z.ZodError([issue]));
  if (param === null) {
    const example = '{"custom_id": ..., "method": "POST", "url": ..., "body": {...}}';
    return { code: 'invalid_request', message: `The line must be a JSON object: ${example}.`, param };
  }
  if (valueAt(line, issue.path) === undefined) {
    return { code: 'missing_required_parameter', message: `'${param}' is missing. Add it to the line.`, param };
  }
  return { code: param === 'url' ? 'invalid_url' : 'invalid_request', message: `${message}.`, param };
}

const SCHEMAS = new Map<InferenceEndpoint | undefined, z.ZodType>();

function schemaOf(endpoint: InferenceEndpoint | undefined): z.ZodType {
  const known = SCHEMAS.get(endpoint);
  if (known !== undefined) return known;
  const schema = lineSchema(endpoint);
  SCHEMAS.set(endpoint, schema);
  return schema;
}

/** The whole line, as the documentation has it. */
function lineSchema(endpoint: InferenceEndpoint | undefined): z.ZodType {
  return z.strictObject({
    custom_id: z
      .string('must be a text')
      .min(1, 'must not be empty')
      .max(MAX_ID_CHARS, `must be at most ${MAX_ID_CHARS} characters`),
    method: z.literal('POST', 'must be POST'),
    url:
      endpoint === undefined
        ? z.enum(INFERENCE_ENDPOINTS, `must be one of ${INFERENCE_ENDPOINTS.join(', ')}`)
        : z.literal(endpoint, `must be ${endpoint}, the endpoint of the batch`),
    body: endpoint === undefined ? z.looseObject({}) : REQUEST_SCHEMAS[endpoint],
  });
}

function valueAt(value: unknown, path: readonly PropertyKey[]): unknown {
  return path.reduce<unknown>(
    (at, key) => (typeof at === 'object' && at !== null ? (at as Record<PropertyKey, unknown>)[key] : undefined),
    value,
  );
}

const QUOTED_CHARS = 64;

/** A value of the file in a message: short, and with what cannot be printed escaped. */
export function quote(text: string): string {
  return JSON.stringify(text.length <= QUOTED_CHARS ? text : `${text.slice(0, QUOTED_CHARS)}…`);
}
