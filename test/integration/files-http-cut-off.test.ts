import { readdir, readlink } from 'node:fs/promises';
import { connect } from 'node:net';
import type { Socket } from 'node:net';
import { once } from 'node:events';
import type { OpenAIFile } from '@llm-engine/contracts';
import { expect, test } from 'vitest';
import { multipartText, uploadParts } from '../support/multipart.ts';
import { TestProducer } from '../support/producer.ts';
import { TestStorage } from '../support/storage.ts';

const PART = multipartText('b', [
  'Content-Disposition: form-data; name="file"; filename="a.jsonl"\n\n' + 'x'.repeat(1_000),
]);
/** The same, with half of the file's bytes. */
const HALF = PART.slice(0, -500);
const PURPOSE = `${multipartText('b', ['Content-Disposition: form-data; name="purpose"\n\nbatch'])}--b--\r\n`;
const LENGTH = PART.length + PURPOSE.length;

/** A client that has sent the headers of an upload, and so much of its body. */
async function beginUpload(producer: TestProducer, body: string): Promise<Socket> {
  const { hostname, port } = new URL(producer.url);
  const socket = connect(Number(port), hostname);
  await once(socket, 'connect');
  const head = [
    'POST /v1/files HTTP/1.1',
    'Host: x',
    'Content-Type: multipart/form-data; boundary=b',
    `Content-Length: ${LENGTH}`,
  ];
  socket.write(`${head.join('\r\n')}\r\n\r\n${body}`);
  return socket;
}

/** All that the server still sends on this connection. */
async function restOf(socket: Socket): Promise<string> {
  let text = '';
  socket.on('data', (data) => (text += String(data)));
  // Who still sends is told by a reset.
  socket.on('error', () => undefined);
  const { promise: closed, resolve } = Promise.withResolvers<unknown>();
  socket.once('close', resolve);
  await closed;
  return text;
}

/** Files of the storage that this process has open. */
async function openFiles({ settings }: TestStorage): Promise<string[]> {
  const links = (await readdir('/proc/self/fd')).map((fd) => readlink(`/proc/self/fd/${fd}`).catch(() => ''));
  return (await Promise.all(links)).filter((path) => path.startsWith(settings.storageUrl));
}

test.each([
  ['within the file', HALF],
  ['between the file and its purpose', PART],
])('of an upload whose client hangs up %s nothing is left', async (_when, sent) => {
  await using storage = await TestStorage.create();
  await using producer = await TestProducer.start({ storage: storage.settings });
  const socket = await beginUpload(producer, sent);
  await expect.poll(() => storage.stored()).toHaveLength(1);

  socket.destroy();

  await expect.poll(() => storage.stored()).toEqual([]);
  expect((await producer.get('/v1/files')).body).toMatchObject({ data: [] });
});

test('a client that stops in the middle of an upload is cut off, and nothing is left', async () => {
  await using storage = await TestStorage.create();
  await using producer = await TestProducer.start({ storage: storage.settings, stallMs: 100 });
  const socket = await beginUpload(producer, HALF);

  const rest = await restOf(socket);

  expect(rest).toBe('');
  await expect.poll(() => storage.stored()).toEqual([]);
});

test('a client that goes on sending what was refused is cut off', async () => {
  await using storage = await TestStorage.create();
  await using producer = await TestProducer.start({ storage: storage.settings, stallMs: 100, maxFileBytes: 2 });
  const socket = await beginUpload(producer, PART);
  const sending = setInterval(() => socket.write('-'), 20);

  const rest = await restOf(socket);
  clearInterval(sending);

  expect(rest).toContain('HTTP/1.1 413');
});

test('a producer that stops lets an upload finish', async () => {
  await using storage = await TestStorage.create();
  await using producer = await TestProducer.start({ storage: storage.settings });
  const socket = await beginUpload(producer, PART);
  await expect.poll(() => storage.stored()).toHaveLength(1);

  const closed = producer.close();
  socket.write(PURPOSE);

  await expect(restOf(socket)).resolves.toMatch(/^HTTP\/1\.1 200 [^]*"purpose":"batch"/);
  await closed;
});

test.each([
  ['within the file', HALF],
  ['after the file', PART],
])(
  'an upload that does not finish in time, stuck %s, is ended with an error, and nothing is left',
  async (_where, sent) => {
    await using storage = await TestStorage.create();
    await using producer = await TestProducer.start({ storage: storage.settings, graceMs: 50 });
    const socket = await beginUpload(producer, sent);
    await expect.poll(() => storage.stored()).toHaveLength(1);

    const rest = restOf(socket);
    await producer.close();

    expect(await rest).toMatch(/^HTTP\/1\.1 503 [^]*"code":"shutting_down"/);
    expect(await storage.stored()).toEqual([]);
  },
);

test('a client that hangs up in the middle of a download stops the reading', async () => {
  await using storage = await TestStorage.create();
  await using producer = await TestProducer.start({ storage: storage.settings });
  const { body } = await uploadParts(producer, [
    ['file', new Uint8Array(32_000_000), 'a.jsonl'],
    ['purpose', 'batch'],
  ]);
  const hangUp = new AbortController();
  await fetch(`${producer.url}/v1/files/${(body as OpenAIFile).id}/content`, { signal: hangUp.signal });
  expect(await openFiles(storage)).toHaveLength(1);

  hangUp.abort();

  await expect.poll(() => openFiles(storage)).toEqual([]);
});

test('a client that takes nothing of a download is cut off', async () => {
  await using storage = await TestStorage.create();
  await using producer = await TestProducer.start({ storage: storage.settings, stallMs: 100 });
  const { body } = await uploadParts(producer, [
    ['file', new Uint8Array(32_000_000), 'a.jsonl'],
    ['purpose', 'batch'],
  ]);

  const content = await fetch(`${producer.url}/v1/files/${(body as OpenAIFile).id}/content`);

  await expect.poll(() => openFiles(storage)).toEqual([]);
  await expect(content.bytes()).rejects.toThrow('terminated');
});

test('a download that does not finish in time is cut, which its client notices', async () => {
  await using storage = await TestStorage.create();
  await using producer = await TestProducer.start({ storage: storage.settings, graceMs: 50 });
  const { body } = await uploadParts(producer, [
    ['file', new Uint8Array(32_000_000), 'a.jsonl'],
    ['purpose', 'batch'],
  ]);
  const content = await fetch(`${producer.url}/v1/files/${(body as OpenAIFile).id}/content`);

  await producer.close();

  await expect(content.bytes()).rejects.toThrow('terminated');
  expect(await openFiles(storage)).toEqual([]);
});
