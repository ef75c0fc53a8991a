import { EngineError } from '@llm-engine/contracts';
import type { Producer, StreamEvent } from '@llm-engine/queue';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import type { InFlight } from '../in-flight.ts';
import { EventStream } from '../sse.ts';
import type { ServerSentEvent } from '../sse.ts';
import { parseRequest } from '../parse-request.ts';
import { streamQuery } from './requests.ts';
import { toWire } from './wire.ts';

export interface StreamRouteOptions {
  readonly producer: Producer;
  readonly inFlight: InFlight;
  /** An error as the data of an event, once the status of the answer has gone out. */
  readonly errorFrame: (error: unknown) => string;
}

/**
 * `GET /v1/jobs/{id}/stream`: the job's chunks from its start, or after `Last-Event-ID`, then its end.
 * Events: `chunk` (id: its number; data: as the model server sent it), `restart`, `gap`, `end` (data: the job), `error`.
 * Whoever reads a stream may come and go: the job does not depend on it.
 */
export function addStreamRoute(server: FastifyInstance, { producer, inFlight, errorFrame }: StreamRouteOptions): void {
  server.get<{ Params: { id: string } }>('/v1/jobs/:id/stream', async (request, reply) => {
    const job = producer.job(request.params.id);
    const after = lastSeen(request);
    using wait = inFlight.enter(reply.raw);
    await job.status();
    const stream = EventStream.open(reply);
    try {
      for await (const event of job.stream({ after, signal: wait.signal })) await stream.send(eventOf(event));
      wait.signal.throwIfAborted();
    } catch (error) {
      if (!wait.gone) await stream.send({ event: 'error', data: errorFrame(error) });
    }
    stream.end();
    return reply;
  });
}

function lastSeen({ headers, query }: FastifyRequest): number {
  const header = headers['last-event-id'];
  const { after = 0 } = parseRequest(streamQuery, query);
  if (header === undefined) return after;
  if (typeof header === 'string' && /^\d{1,15}$/.test(header)) return Number(header);
  throw new EngineError('invalid_request', 'The Last-Event-ID header is the number of the last chunk that was seen.', {
    param: 'Last-Event-ID',
  });
}

function eventOf(event: StreamEvent): ServerSentEvent {
  switch (event.type) {
    case 'chunk':
      return { id: event.seq, event: 'chunk', data: event.chunk };
    case 'restart':
      return { event: 'restart', data: JSON.stringify({ run: event.run }) };
    case 'gap':
      return { event: 'gap', data: JSON.stringify({ missed: event.missed }) };
    case 'end':
      return { event: 'end', data: JSON.stringify(toWire(event.record)) };
  }
}
