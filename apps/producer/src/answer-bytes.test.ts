import { Readable } from 'node:stream';
import { EngineError } from '@llm-engine/contracts';
import { createServer, listen } from '@llm-engine/http';
import type { FastifyReply } from 'fastify';
import { expect, test, vi } from 'vitest';
import { answerBytes } from './answer-bytes.ts';
import { InFlight } from './in-flight.ts';

const GONE = new EngineError('storage_unavailable', 'The store went away.');

/** A server that answers with these parts, and then with this error. */
async function serving(parts: readonly string[], prepare: (reply: FastifyReply) => void = () => undefined) {
  const onTrouble = vi.fn<(error: unknown) => void>();
  const inFlight = new InFlight();
  const server = createServer();
  async function* read() {
    yield* parts.map((part) => Buffer.from(part));
    // What comes in one go is sent in one go: the error is to come after it.
    await new Promise(setImmediate);
    throw GONE;
  }
  const bytes = Readable.from(read(), { objectMode: false });
  server.get('/', (_request, reply) => {
    prepare(reply);
    return answerBytes(reply, bytes, { inFlight, stallMs: 1_000, onTrouble });
  });
  const { url } = await listen(server, { host: '127.0.0.1', port: 0, variables: { host: 'HOST', port: 'PORT' } });
  return { url, bytes, onTrouble, inFlight, [Symbol.asyncDispose]: () => server.close() };
}

test('bytes that fail before the first of them are answered as an error', async () => {
  await using server = await serving([]);

  const answer = await fetch(server.url);

  expect(answer.status).toBe(503);
  expect(await answer.json()).toMatchObject({ error: { code: 'storage_unavailable' } });
  expect(server.onTrouble).not.toHaveBeenCalled();
});

test('bytes that fail later end the connection, which the client notices, and are told to the operator', async () => {
  await using server = await serving(['some']);

  const answer = await fetch(server.url);

  expect(answer.status).toBe(200);
  await expect(answer.text()).rejects.toThrow('terminated');
  expect(server.onTrouble).toHaveBeenCalledExactlyOnceWith(GONE);
});

test('of bytes whose client has gone already none are read', async () => {
  await using server = await serving(['some'], (reply) => void reply.raw.destroy());

  const asked = fetch(server.url);

  await expect(asked).rejects.toThrow('fetch failed');
  expect(server.bytes.destroyed).toBe(true);
  expect(server.bytes.readableDidRead).toBe(false);
});

test('a server that has no more time answers with that, when no byte has gone out', async () => {
  await using server = await serving([]);
  server.inFlight.stop();

  const answer = await fetch(server.url);

  expect(await answer.json()).toMatchObject({ error: { code: 'shutting_down' } });
});
