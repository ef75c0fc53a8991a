import type { Readable } from 'node:stream';
import type { FastifyReply } from 'fastify';
import type { InFlight } from './in-flight.ts';

export interface BytesOptions {
  readonly inFlight: InFlight;
  /** How long a client may take nothing, in milliseconds, before its connection is closed. */
  readonly stallMs: number;
  readonly onTrouble: (error: unknown) => void;
}

/**
 * Answers with bytes that are read no faster than the client takes them. What fails before the first of them is answered as an
 * error; afterwards the connection is cut, which a client notices. A client that goes away ends the reading, and so does a
 * server that has no more time.
 */
export function answerBytes(reply: FastifyReply, bytes: Readable, options: BytesOptions): FastifyReply {
  const { inFlight, stallMs, onTrouble } = options;
  if (reply.raw.destroyed) {
    bytes.destroy();
    return reply.hijack();
  }
  const wait = inFlight.enter(reply.raw);
  const end = (): unknown => bytes.destroy(wait.signal.reason as Error);
  if (wait.signal.aborted) end();
  wait.signal.addEventListener('abort', end, { once: true });
  bytes.once('error', (error) => {
    if (!wait.signal.aborted && reply.raw.headersSent) onTrouble(error);
  });
  reply.raw.once('close', () => wait[Symbol.dispose]());
  reply.raw.setTimeout(stallMs);
  return reply.send(bytes);
}
