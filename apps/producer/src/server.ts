import { addProbes, createServer, errorAnswer } from '@llm-engine/http';
import type { Access, ProbeChecks } from '@llm-engine/http';
import type { Metrics } from '@llm-engine/observability';
import { isOutage } from '@llm-engine/queue';
import type { Inspector, Producer, QueueConnection } from '@llm-engine/queue';
import { storageOutage } from '@llm-engine/storage';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { addApiPage } from './api/page.ts';
import { addBatchRoutes } from './batches/routes.ts';
import { addFileRoutes } from './files/routes.ts';
import { addGroupRoutes } from './groups/routes.ts';
import type { InFlight } from './in-flight.ts';
import { addInferenceRoutes } from './inference/routes.ts';
import { addJobRoutes } from './jobs/routes.ts';
import { addModelRoutes } from './models.ts';
import { unavailable } from './open-storage.ts';
import type { RequireStorage } from './open-storage.ts';

export interface ProducerServerOptions {
  readonly connection: QueueConnection;
  readonly producer: Producer;
  readonly inspector: Inspector;
  readonly storage: RequireStorage;
  readonly inFlight: InFlight;
  readonly probes: ProbeChecks;
  readonly metrics: Metrics;
  readonly access: Access;
  readonly bodyLimit: number;
  readonly maxFileBytes: number;
  readonly stallMs: number;
  readonly syncTimeoutMs: number;
  readonly onTrouble: (error: unknown) => void;
  readonly onRequestError: (error: unknown, request: FastifyRequest) => void;
}

/** The producer's HTTP server with all of its routes; it does not listen yet. */
export async function buildServer(options: ProducerServerOptions): Promise<FastifyInstance> {
  const { connection } = options;
  const explain = (error: unknown): unknown => {
    if (isOutage(error)) return connection.unavailable(error);
    const outage = storageOutage(error);
    if (outage === undefined) return error;
    options.onTrouble(outage);
    return unavailable(outage);
  };
  const server = createServer({ ...options, explain });
  const errorFrame = (error: unknown): string => {
    const { body, defect } = errorAnswer(explain(error));
    if (defect) options.onTrouble(error);
    return JSON.stringify(body);
  };
  await addRoutes(server, { ...options, errorFrame });
  return server;
}

export interface RouteOptions extends Omit<
  ProducerServerOptions,
  'connection' | 'access' | 'bodyLimit' | 'onRequestError'
> {
  /** An error as the data of an event, once the status of the answer has gone out. */
  readonly errorFrame: (error: unknown) => string;
}

export async function addRoutes(server: FastifyInstance, options: RouteOptions): Promise<void> {
  const { metrics, probes, producer } = options;
  addInferenceRoutes(server, options);
  addModelRoutes(server, producer.models);
  addJobRoutes(server, options);
  await addFileRoutes(server, options);
  addBatchRoutes(server, options);
  addGroupRoutes(server, options);
  addProbes(server, probes);
  server.get('/metrics', async (_request, reply) => {
    const text = await metrics.text();
    return reply.type(metrics.contentType).send(text);
  });
  await addApiPage(server);
}
