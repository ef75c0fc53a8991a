import type { EngineView, SystemHealthReporter } from '@llm-engine/controller';
import { HEALTH_CONTENT_TYPE } from '@llm-engine/observability';
import type { Metrics } from '@llm-engine/observability';
import type { FastifyInstance } from 'fastify';
import { queueList, workerList } from './api.ts';
import { HOME_PAGE } from './home-page.ts';

interface Sources {
  readonly view: EngineView;
  readonly metrics: Metrics;
  readonly health: SystemHealthReporter;
  readonly waitSloSeconds: (queue: string) => number;
}

export function addRoutes(server: FastifyInstance, { view, metrics, health, waitSloSeconds }: Sources): void {
  server.addHook('onSend', async (_request, reply) => {
    void reply.header('x-content-type-options', 'nosniff').header('referrer-policy', 'no-referrer');
  });

  server.get('/', (_request, reply) =>
    reply
      .type('text/html; charset=utf-8')
      .header('content-security-policy', "default-src 'none'; frame-ancestors 'none'; base-uri 'none'")
      .send(HOME_PAGE),
  );

  server.get('/metrics', async (_request, reply) => reply.type(metrics.contentType).send(await metrics.text()));

  server.get('/health', async (_request, reply) => {
    const report = await health.report();
    return reply
      .code(report.status === 'fail' ? 503 : 200)
      .type(HEALTH_CONTENT_TYPE)
      .header('cache-control', 'no-store')
      .send(JSON.stringify(report));
  });

  server.get('/api/queues', async () => {
    const [queues, workers] = await Promise.all([view.queues(), view.workers()]);
    return queueList(queues, workers, waitSloSeconds);
  });

  server.get('/api/workers', async () => workerList(await view.workers()));
}
