import { EngineError } from '@llm-engine/contracts';

/** A name of letters, digits, `.`, `_` and `-` that begins with a letter or a digit: nothing that leads out of a folder. */
const SEGMENT = '[A-Za-z0-9][A-Za-z0-9._-]{0,199}';
const KEY = new RegExp(`^${SEGMENT}(/${SEGMENT})*$`);
const PREFIX = new RegExp(`^(${SEGMENT}/)*(${SEGMENT})?$`);
const MAX_KEY = 512;

/** Whether an object may have this key: names joined by slashes, 512 characters at most. */
export function isKey(key: string): boolean {
  return key.length <= MAX_KEY && KEY.test(key);
}

/** Throws `internal_error`: keys are made by the engine, never taken from a caller. */
export function checkKey(key: string): void {
  if (isKey(key)) return;
  throw new EngineError(
    'internal_error',
    `The object key ${JSON.stringify(key)} cannot be used. Use names of letters, digits, '.', '_' and '-', joined by '/'.`,
  );
}

/** The start of keys: empty, or one or several names, the last perhaps cut. Throws `internal_error`. */
export function checkPrefix(prefix: string): void {
  if (prefix.length <= MAX_KEY && PREFIX.test(prefix)) return;
  throw new EngineError(
    'internal_error',
    `The prefix ${JSON.stringify(prefix)} cannot begin an object key. Use names of letters, digits, '.', '_' and '-', joined by '/'.`,
  );
}
