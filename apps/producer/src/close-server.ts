import type { FastifyInstance } from 'fastify';
import type { InFlight } from './in-flight.ts';
import type { Readiness } from './readiness.ts';

interface CloseOptions {
  readonly inFlight: InFlight;
  readonly readiness: Readiness;
  /** How long requests in flight may take, in milliseconds. */
  readonly graceMs: number;
}

/** How long a client may take to read the error that its request ended with. */
const FAREWELL_MS = 2_000;

/** Takes no more requests; ends those that have not finished in time with an error; at last closes what is still open. */
export async function closeServer(
  server: FastifyInstance,
  { inFlight, readiness, graceMs }: CloseOptions,
): Promise<void> {
  readiness.stop();
  const ending = setTimeout(() => inFlight.stop(), graceMs);
  const cutting = setTimeout(() => server.server.closeAllConnections(), graceMs + FAREWELL_MS);
  try {
    await server.close();
  } finally {
    clearTimeout(ending);
    clearTimeout(cutting);
  }
}
