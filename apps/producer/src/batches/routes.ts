import { Readable } from 'node:stream';
import type { FastifyInstance } from 'fastify';
import { answerBytes } from '../answer-bytes.ts';
import type { BytesOptions } from '../answer-bytes.ts';
import { readIdempotencyKey } from '../idempotency-key.ts';
import type { RequireStorage } from '../open-storage.ts';
import { parseRequest } from '../parse-request.ts';
import { listBatchesQuery } from './requests.ts';

export interface BatchRoutesOptions extends BytesOptions {
  readonly storage: RequireStorage;
}

interface ById {
  Params: { id: string };
}

/** OpenAI's batches; and beyond them, to pause, to resume, to try what failed again, and to read results while they come. */
export function addBatchRoutes(server: FastifyInstance, options: BatchRoutesOptions): void {
  const { storage } = options;

  server.post('/v1/batches', async ({ body, headers, identity }) => {
    const idempotencyKey = readIdempotencyKey(headers);
    return storage().batches.create(identity.owner, body, { ...(idempotencyKey !== undefined && { idempotencyKey }) });
  });

  server.get('/v1/batches', async ({ query, identity }) => {
    const { data, hasMore } = await storage().batches.list(identity.owner, parseRequest(listBatchesQuery, query));
    return { object: 'list', data, has_more: hasMore, first_id: data[0]?.id ?? null, last_id: data.at(-1)?.id ?? null };
  });

  server.get<ById>('/v1/batches/:id', ({ params, identity }) => storage().batches.get(identity.owner, params.id));

  server.post<ById>('/v1/batches/:id/cancel', ({ params, identity }) => {
    return storage().batches.cancel(identity.owner, params.id);
  });

  server.post<ById>('/v1/batches/:id/pause', ({ params, identity }) => {
    return storage().batches.pause(identity.owner, params.id);
  });

  server.post<ById>('/v1/batches/:id/resume', ({ params, identity }) => {
    return storage().batches.resume(identity.owner, params.id);
  });

  server.post<ById>('/v1/batches/:id/retry', ({ params, identity }) => {
    return storage().batches.retry(identity.owner, params.id);
  });

  // A HEAD would read the results, and throw them away.
  server.get<ById>('/v1/batches/:id/output', { exposeHeadRoute: false }, async ({ params, identity }, reply) => {
    const lines = await storage().batches.output(identity.owner, params.id);
    void reply.headers({ 'content-type': 'application/x-ndjson', 'cache-control': 'no-store' });
    return answerBytes(reply, Readable.from(lines, { objectMode: false }), options);
  });
}
