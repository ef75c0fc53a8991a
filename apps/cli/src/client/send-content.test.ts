import { once } from 'node:events';
import { createServer } from 'node:http';
import type { RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect, test } from 'vitest';
import { CommandError } from '../command-error.ts';
import { sendContent } from './send-content.ts';

const PIECE = Buffer.alloc(64 * 1024);

/** A server that does so with whatever comes. */
async function serverThat(handle: RequestListener) {
  const server = createServer(handle).listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    unreachableHint: '',
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}

async function* endless(): AsyncGenerator<Uint8Array> {
  for (;;) yield PIECE;
}

const sending = (content: AsyncIterable<Uint8Array>) => ({ path: '/', contentType: 'text/plain', content });

test('an upload that is refused before its end is not sent to its end', async () => {
  await using server = await serverThat((incoming, outgoing) => {
    incoming.resume();
    outgoing.writeHead(413).end('{"error":{"message":"Too much.","code":"file_too_large"}}');
  });

  const response = await sendContent(server, sending(endless()));

  expect(response.status).toBe(413);
  expect(await response.json()).toMatchObject({ error: { code: 'file_too_large' } });
});

test('an upload whose server goes away is told as an engine that is not there', async () => {
  await using server = await serverThat((incoming) => incoming.once('data', () => incoming.destroy()));

  const sent = sendContent(server, sending(endless()));

  await expect(sent).rejects.toMatchObject({ code: 'engine_unreachable', exitCode: 3 });
});

test('an upload whose source breaks off is told as that', async () => {
  await using server = await serverThat((incoming) => incoming.resume());
  const broken = new CommandError('file_not_readable', 'The disk is gone.');
  async function* breaking(): AsyncGenerator<Uint8Array> {
    yield PIECE;
    throw broken;
  }

  await expect(sendContent(server, sending(breaking()))).rejects.toBe(broken);
});

test('an upload that is stopped lets its source go', async () => {
  const content = endless();
  const stop = new AbortController();
  await using server = await serverThat((incoming) => incoming.once('data', () => stop.abort()));

  const sent = sendContent(server, { ...sending(content), signal: stop.signal });

  await expect(sent).rejects.toThrow('aborted');
  expect(await content.next()).toEqual({ done: true, value: undefined });
});
