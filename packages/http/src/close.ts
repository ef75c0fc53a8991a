import type { FastifyInstance } from 'fastify';

/** Takes no more requests, lets those in flight finish for so long, in milliseconds, and then closes their connections. */
export async function closeWithin(server: FastifyInstance, graceMs: number): Promise<void> {
  const cutting = setTimeout(() => server.server.closeAllConnections(), graceMs);
  try {
    await server.close();
  } finally {
    clearTimeout(cutting);
  }
}
