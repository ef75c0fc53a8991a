import type { IncomingHttpHeaders } from 'node:http';
import { EngineError } from '@llm-engine/contracts';

const MAX_LENGTH = 255;

/** The `Idempotency-Key` header, where there is one. */
export function readIdempotencyKey(headers: IncomingHttpHeaders): string | undefined {
  const key = headers['idempotency-key'];
  if (key === undefined) return undefined;
  if (typeof key === 'string' && key.length > 0 && key.length <= MAX_LENGTH) return key;
  throw new EngineError('invalid_request', `The Idempotency-Key header holds 1 to ${MAX_LENGTH} characters.`, {
    param: 'Idempotency-Key',
  });
}
