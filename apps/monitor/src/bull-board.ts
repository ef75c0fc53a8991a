import { createBullBoard } from '@bull-board/api';
import { BullMQAdapter } from '@bull-board/api/bullMQAdapter';
import { FastifyAdapter } from '@bull-board/fastify';
import { errorAnswer } from '@llm-engine/http';
import type { FastifyInstance } from 'fastify';
import type { EngineView } from './engine-view.ts';

const PATH = '/queues';
/** Bull Board's page asks a third party for fonts. A monitor tells nobody that somebody looks at it. */
const OWN_FONTS_ONLY = "style-src 'self' 'unsafe-inline'; font-src 'self' data:; frame-ancestors 'self'";

/** Adds Bull Board under `/queues`, to look at only: what acts on jobs goes through the engine, which keeps their records. */
export async function addBullBoard(server: FastifyInstance, view: EngineView): Promise<void> {
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
        if (!request.url.startsWith(`${PATH}/api/`)) return undefined;
        try {
          // Queues come and go while the monitor runs, so the list is made anew for each look at it.
          await showAllQueues();
          return undefined;
        } catch (error) {
          // Bull Board would make a 500 of it.
          const { status, headers, body } = errorAnswer(error);
          return reply.code(status).headers(headers).send(body);
        }
      });
      await scope.register(serverAdapter.registerPlugin());
    },
    { prefix: PATH },
  );
}
