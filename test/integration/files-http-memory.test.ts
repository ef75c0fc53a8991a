import { readFile } from 'node:fs/promises';
import type { OpenAIFile } from '@llm-engine/contracts';
import { expect, inject, test } from 'vitest';
import { randomPrefix } from '../support/engine.ts';
import { multipartText } from '../support/multipart.ts';
import { ProducerProcess } from '../support/producer-process.ts';
import { TestStorage } from '../support/storage.ts';

const MB = 1_000_000;
const BLOCK = Buffer.alloc(MB / 10, 'x');

/** Sends a file of so many bytes, without saying how many there will be. */
async function upload(url: string, bytes: number): Promise<OpenAIFile> {
  async function* body() {
    yield Buffer.from(
      multipartText('b', ['Content-Disposition: form-data; name="file"; filename="a"\n\n']).slice(0, -2),
    );
    for (let sent = 0; sent < bytes; sent += BLOCK.length) yield BLOCK;
    yield Buffer.from(
      `\r\n${multipartText('b', ['Content-Disposition: form-data; name="purpose"\n\nbatch'])}--b--\r\n`,
    );
  }
  const headers = { 'content-type': 'multipart/form-data; boundary=b' };
  const init: RequestInit & { duplex: 'half' } = { method: 'POST', headers, duplex: 'half' };
  const answer = await fetch(`${url}/v1/files`, { ...init, body: ReadableStream.from(body()) });
  expect(answer.status).toBe(200);
  return (await answer.json()) as OpenAIFile;
}

/** Resolves with how many bytes came. */
async function download(url: string, id: string): Promise<number> {
  const { body } = await fetch(`${url}/v1/files/${id}/content`);
  let bytes = 0;
  for await (const part of body ?? []) bytes += part.length;
  return bytes;
}

/** The most memory that the process has had, in bytes. */
async function peakMemory(pid: number): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8');
  return Number(/^VmHWM:\s+(\d+) kB$/m.exec(status)?.[1]) * 1_024;
}

test('a producer needs no more memory for a large file than for a small one', async () => {
  await using storage = await TestStorage.create();
  await using producer = await ProducerProcess.start({
    redisUrl: inject('redisUrl'),
    prefix: randomPrefix(),
    storage: storage.settings,
  });
  const small = await upload(producer.url, 48 * MB);
  await download(producer.url, small.id);
  const before = await peakMemory(producer.pid);

  const large = await upload(producer.url, 160 * MB);
  const read = await download(producer.url, large.id);
  const after = await peakMemory(producer.pid);

  expect(large.bytes).toBe(160 * MB);
  expect(read).toBe(160 * MB);
  expect(after - before).toBeLessThan(30 * MB);
});
