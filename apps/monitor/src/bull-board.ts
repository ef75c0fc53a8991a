import type { EngineView } from '@llm-engine/controller';
import { createBullBoard } from '@bull-board/api';
import { BullMQAdapter } from '@bull-board/api/bullMQAdapter';
import type { HTTPStatus } from '@bull-board/api/typings/app';
import { FastifyAdapter } from '@bull-board/fastify';
import { errorAnswer } from '@llm-engine/http';
import type { FastifyInstance } from 'fastify';

const PATH = '/queues';
/** Bull Board's page asks a third party for fonts. A monitor tells nobody that somebody looks at it. */
const OWN_FONTS_ONLY = "style-src 'self' 'unsafe-inline'; font-src 'self' data:; frame-ancestors 'self'";

/** Adds Bull Board under `/queues`, to look at only: what acts on jobs goes through the engine, which keeps their records. */
export async function addBullBoard(
  server: FastifyInstance,
  view: EngineView,
  onError: (error: unknown) => void,
): Promise<void> {
  const serverAdapter = new FastifyAdapter().setBasePath(PATH);
  const board = createBullBoard({
    queues: [],
    serverAdapter,
    options: {
      uiConfig: { boardTitle: 'LLM Engine', hideDocsLink: true, showWorkers: false },
      // Every queue is read-only already. This keeps a route that forgets to ask from writing.
      handlerHooks: { before: ({ method }) => (method === 'get' ? undefined : { allow: false, status: 405 }) },
    },
  });
  // Its own handler answers everything with 500: a missing key, and a Redis that is away.
  serverAdapter.setErrorHandler((error) => {
    const { status, body, defect } = errorAnswer(error);
    if (defect) onError(error);
    // Its type lists the statuses that it uses itself; it passes on any.
    return { status: status as HTTPStatus, body: { ...body } };
  });
  const adapters = new Map<string, BullMQAdapter>();
  const showAllQueues = async (): Promise<void> => {
    const queues = await view.bullQueues();
    for (const queue of queues) {
      if (adapters.has(queue.name)) continue;
      adapters.set(queue.name, new BullMQAdapter(queue, { readOnlyMode: true, allowRetries: false }));
    }
    const present = new Set(queues.map(({ name }) => name));
    board.replaceQueues([...adapters.values()].filter((adapter) => present.has(adapter.getName())));
  };
  await server.register(
    async (scope) => {
      scope.addHook('preHandler', async (request, reply) => {
        void reply.header('content-security-policy', OWN_FONTS_ONLY);
        // Queues come and go while the monitor runs, so the list is made anew for each look at it.
        if (request.url.startsWith(`${PATH}/api/`)) await showAllQueues();
      });
      await scope.register(serverAdapter.registerPlugin());
    },
    { prefix: PATH },
  );
}
