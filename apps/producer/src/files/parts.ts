import type { Multipart } from '@fastify/multipart';
import { EngineError } from '@llm-engine/contracts';
import type { FastifyRequest } from 'fastify';

/** The parts of a multipart body, as text or as bytes that are still coming. */
export type Part =
  | { readonly kind: 'text'; readonly name: string; readonly text: string }
  | {
      readonly kind: 'bytes';
      readonly name: string;
      readonly filename: string;
      readonly bytes: AsyncIterable<Uint8Array>;
    };

const MAX_TEXT_BYTES = 4_096;
/** Parts of either kind. More than any file has; the first that is too many is refused by name. */
const MAX_PARTS = 20;
export const MULTIPART_LIMITS = {
  parts: MAX_PARTS,
  fieldSize: MAX_TEXT_BYTES,
  // The storage counts the bytes of the file.
  fileSize: Infinity,
} as const;

/**
 * The parts of the request's body as they come; the bytes of one have to be read before the next. Throws `invalid_request`
 * for what is not multipart or ends too early, and the signal's reason.
 */
export async function* partsOf(request: FastifyRequest, signal: AbortSignal): AsyncGenerator<Part, void, undefined> {
  const parts = request.parts();
  const aborted = Promise.withResolvers<never>();
  // It may abort while the bytes of a part are read, which end by themselves then.
  aborted.promise.catch(() => undefined);
  const abort = (): void => aborted.reject(signal.reason as Error);
  if (signal.aborted) abort();
  signal.addEventListener('abort', abort, { once: true });
  try {
    for (;;) {
      const next = await Promise.race([parts.next(), aborted.promise]).catch(refuse);
      if (next.done === true) return;
      yield toPart(next.value);
    }
  } finally {
    signal.removeEventListener('abort', abort);
  }
}

function toPart(part: Multipart): Part {
  const name = part.fieldname;
  if (part.type === 'file') return { kind: 'bytes', name, filename: part.filename ?? '', bytes: readable(part.file) };
  if (part.valueTruncated) {
    throw new EngineError('invalid_request', `'${name}' is longer than ${MAX_TEXT_BYTES} bytes.`, { param: name });
  }
  return { kind: 'text', name, text: String(part.value) };
}

async function* readable(file: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array, void, undefined> {
  try {
    yield* file;
  } catch (error) {
    refuse(error);
  }
}

function refuse(error: unknown): never {
  if (error instanceof EngineError) throw error;
  const why = error instanceof Error ? error.message : String(error);
  throw new EngineError(
    'invalid_request',
    `The request is not a whole multipart/form-data body: ${why}. Send it again.`,
    {
      cause: error,
    },
  );
}
