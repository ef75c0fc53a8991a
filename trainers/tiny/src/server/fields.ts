import { ApiError } from './api-error.ts';

/** Readers for the fields of a request body. A missing field or null is the default; a wrong one is an error that names it. */
export type Body = Readonly<Record<string, unknown>>;

export interface Range {
  readonly min: number;
  readonly max: number;
  readonly integer?: boolean;
}

export function parseBody(text: string): Body {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw new ApiError('invalid_json', 'The body is not valid JSON.');
  }
  if (!isObject(value)) throw new ApiError('invalid_json', 'The body is not a JSON object.');
  return value;
}

export function isObject(value: unknown): value is Body {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

export function optionalNumber(body: Body, name: string, { min, max, integer = false }: Range): number | null {
  const value = body[name] ?? null;
  if (value === null) return null;
  if (typeof value !== 'number' || value < min || value > max || (integer && !Number.isInteger(value))) {
    throw invalid(name, `"${name}" should be ${integer ? 'an integer' : 'a number'} from ${min} to ${max}.`);
  }
  return value;
}

export function optionalBoolean(body: Body, name: string): boolean {
  const value = body[name] ?? false;
  if (typeof value !== 'boolean') throw invalid(name, `"${name}" should be true or false.`);
  return value;
}

export function optionalObject(body: Body, name: string): Body {
  const value = body[name] ?? {};
  if (!isObject(value)) throw invalid(name, `"${name}" should be an object.`);
  return value;
}

export function requiredString(body: Body, name: string): string {
  const value = body[name];
  if (typeof value === 'string' && value !== '') return value;
  if (value === undefined || value === null) throw missing(name);
  throw invalid(name, `"${name}" should be a text that is not empty.`);
}

export function missing(name: string): ApiError {
  return new ApiError('missing_required_parameter', `The request lacks "${name}".`, { param: name });
}

export function invalid(name: string, message: string): ApiError {
  return new ApiError('invalid_value', message, { param: name });
}

/** A field whose effect this server does not have: refused, so that nobody takes silence for obedience. */
export function unsupported(name: string, message: string): ApiError {
  return new ApiError('unsupported_parameter', message, { param: name });
}
