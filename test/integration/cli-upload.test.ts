import { once } from 'node:events';
import { open, readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { CliProcess, TemporaryFolder } from '../support/cli.ts';

const MB = 1_000_000;

/** Most memory that a process ever had, in bytes. */
async function peakOf(pid: number): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8');
  return Number(/VmHWM:\s+(\d+) kB/.exec(status)?.[1]) * 1_024;
}

/** Uploads a file of so many bytes; resolves with the most memory that the program had until all of it was sent. */
async function memoryOfUpload(bytes: number): Promise<number> {
  await using folder = await TemporaryFolder.create();
  const path = join(folder.path, 'in.jsonl');
  const file = await open(path, 'w');
  await file.truncate(bytes);
  await file.close();
  const sent = Promise.withResolvers<void>();
  const answer = Promise.withResolvers<void>();
  let received = 0;
  const server = createServer((incoming, outgoing) => {
    incoming.on('data', (piece: Buffer) => (received += piece.length));
    incoming.on('end', () => sent.resolve());
    void answer.promise.then(() =>
      outgoing.end(JSON.stringify({ id: 'file-1', bytes, created_at: 1, filename: 'in.jsonl', purpose: 'batch' })),
    );
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  try {
    await using cli = new CliProcess(['files', 'upload', path, '--purpose', 'batch', '--url', url]);
    await sent.promise;
    const peak = await peakOf(cli.pid);
    answer.resolve();
    const { code, stdout } = await cli.ended();
    expect({ code, stdout }).toEqual({ code: 0, stdout: 'file-1\n' });
    expect(received).toBeGreaterThan(bytes);
    return peak;
  } finally {
    server.closeAllConnections();
    server.close();
    await once(server, 'close');
  }
}

test('a file of any size is uploaded at flat memory', async () => {
  const small = await memoryOfUpload(20 * MB);
  const large = await memoryOfUpload(400 * MB);

  expect(large - small).toBeLessThan(100 * MB);
});
