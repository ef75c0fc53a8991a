import { once } from 'node:events';
import { Agent, request } from 'node:http';
import type { ClientRequest } from 'node:http';
import type { FastifyInstance } from 'fastify';
import { expect, test } from 'vitest';
import { closeWithin } from './close.ts';
import { listen } from './listen.ts';
import { createServer } from './server.ts';

const variables = { host: 'HOST', port: 'PORT' };

/** A server with one request in flight, over a connection that the client would use again. */
async function busyServer(answer: (server: FastifyInstance, finished: Promise<void>) => void) {
  const server = createServer();
  const finish = Promise.withResolvers<void>();
  const arrived = Promise.withResolvers<void>();
  const closing = Promise.withResolvers<void>();
  server.addHook('preHandler', async () => arrived.resolve());
  server.addHook('preClose', async () => closing.resolve());
  answer(server, finish.promise);
  const { url } = await listen(server, { host: '127.0.0.1', port: 0, variables });
  const agent = new Agent({ keepAlive: true });
  const client: ClientRequest = request(`${url}/slow`, { agent });
  client.end();
  await arrived.promise;
  return { server, client, finish: () => finish.resolve(), closing: closing.promise };
}

test.each<[string, (server: FastifyInstance, finished: Promise<void>) => void]>([
  [
    'an answer',
    (server, finished) =>
      server.get('/slow', async () => {
        await finished;
        return { done: true };
      }),
  ],
  [
    'a stream that a handler writes by itself',
    (server, finished) =>
      server.get('/slow', async (_request, reply) => {
        reply.hijack();
        reply.raw.write('data: 1\n\n');
        await finished;
        reply.raw.end('data: [DONE]\n\n');
      }),
  ],
])(
  'a server closes as soon as %s in flight has ended, though its client keeps the connection',
  async (_what, answer) => {
    const { server, client, finish, closing } = await busyServer(answer);

    const closed = closeWithin(server, 60_000);
    await closing;
    finish();
    const [response] = await once(client, 'response');
    response.resume();
    await once(response, 'end');

    await expect(closed).resolves.toBeUndefined();
  },
);

test('a request that does not end is cut off when its time is over', async () => {
  const { server, client } = await busyServer((server) =>
    server.get('/slow', () => new Promise<never>(() => undefined)),
  );
  const cut = once(client, 'error');

  await closeWithin(server, 10);

  await expect(cut).resolves.toEqual([expect.objectContaining({ code: 'ECONNRESET' })]);
});
