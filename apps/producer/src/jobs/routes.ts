import { EngineError, isTerminal } from '@llm-engine/contracts';
import type { Inspector } from '@llm-engine/queue';
import type { FastifyInstance } from 'fastify';
import { parseRequest } from '../parse-request.ts';
import { jobQuery, listQuery, retryRequest, waitQuery } from './requests.ts';
import { addStreamRoute } from './stream.ts';
import type { StreamRouteOptions } from './stream.ts';
import { addSubmitRoute } from './submit.ts';
import { toWire, withoutResult } from './wire.ts';

export interface JobRoutesOptions extends StreamRouteOptions {
  readonly inspector: Inspector;
}

interface ById {
  Params: { id: string };
}

/** Native jobs: submit, look, wait, stream, cancel, try again. */
export function addJobRoutes(server: FastifyInstance, options: JobRoutesOptions): void {
  const { producer, inspector, inFlight } = options;
  addSubmitRoute(server, producer);
  addStreamRoute(server, options);

  server.get('/v1/jobs', async ({ query }) => {
    const { jobs, hasMore } = await inspector.jobs(parseRequest(listQuery, query));
    const data = jobs.map(toWire);
    return { object: 'list', data, has_more: hasMore, first_id: data[0]?.id ?? null, last_id: data.at(-1)?.id ?? null };
  });

  server.get<ById>('/v1/jobs/:id', async ({ params, query }) => {
    const { result } = parseRequest(jobQuery, query);
    const job = await producer.job(params.id).status();
    return toWire(result === 'false' ? withoutResult(job) : job);
  });

  server.get<ById>('/v1/jobs/:id/wait', async ({ params, query }, reply) => {
    const { timeout_ms: timeoutMs } = parseRequest(waitQuery, query);
    const handle = producer.job(params.id);
    const job = await handle.status();
    if (isTerminal(job.state)) return toWire(job);
    using wait = inFlight.enter(reply.raw);
    try {
      return toWire(await handle.result({ timeoutMs, signal: wait.signal }));
    } catch (error) {
      if (wait.gone) return reply.hijack();
      if (error instanceof EngineError && error.code === 'wait_timeout') return toWire(await handle.status());
      throw error;
    }
  });

  server.post<ById>('/v1/jobs/:id/cancel', async ({ params }) => toWire(await inspector.cancel(params.id)));

  server.post<ById>('/v1/jobs/:id/retry', async ({ params }, reply) => {
    const job = await inspector.retry(params.id);
    void reply.code(202).header('location', `/v1/jobs/${job.id}`);
    return toWire(await job.status());
  });

  server.post('/v1/dead-letters/retry', async ({ body }) => {
    return { object: 'dead_letters.retry', retried: await inspector.retryAll(parseRequest(retryRequest, body ?? {})) };
  });
}
