import { createServer } from '@llm-engine/http';
import { createMetrics } from '@llm-engine/observability';
import { Inspector, Producer, QueueConnection } from '@llm-engine/queue';
import { expect, test } from 'vitest';
import { InFlight } from '../in-flight.ts';
import { noStorage } from '../open-storage.ts';
import { Readiness } from '../readiness.ts';
import { addRoutes } from '../server.ts';
import { openApiDocument } from './document.ts';

/** Routes of a producer's server, as `GET /v1/jobs/{id}`. */
async function routes(): Promise<string[]> {
  await using connection = new QueueConnection({ redisUrl: 'redis://127.0.0.1:1' });
  await using server = createServer();
  const found: string[] = [];
  server.addHook('onRoute', ({ method, url }) => {
    for (const one of [method].flat()) found.push(`${one} ${url.replaceAll(/:(\w+)/g, '{$1}')}`);
  });
  await addRoutes(server, {
    producer: new Producer(connection),
    inspector: new Inspector(connection),
    inFlight: new InFlight(),
    probes: new Readiness({ connection }).checks,
    metrics: createMetrics({ service: 'producer', version: '0' }),
    storage: noStorage,
    maxFileBytes: 1,
    stallMs: 1_000,
    syncTimeoutMs: 1_000,
    onTrouble: () => undefined,
    errorFrame: String,
  });
  await server.ready();
  return found.filter((route) => !route.startsWith('HEAD '));
}

test('every route is in the OpenAPI document, and every operation of the document is a route', async () => {
  const documented = Object.entries(openApiDocument().paths).flatMap(([path, item]) =>
    Object.keys(item).map((method) => `${method.toUpperCase()} ${path}`),
  );

  const found = await routes();

  const api = found.filter((route) => !route.startsWith('GET /docs'));
  expect(documented.toSorted()).toEqual(api.toSorted());
});
