import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { openObjects } from '@llm-engine/storage';
import { blocks, bytes, describeObjectStore, errorOf, never } from '@llm-engine/storage/conformance';
import type { StoreSubject } from '@llm-engine/storage/conformance';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { Gate } from '../support/gate.ts';
import { S3Server, S3_CREDENTIALS } from '../support/s3-server.ts';

const MEGABYTE = 1024 * 1024;

let server: S3Server;

beforeAll(async () => {
  for (const [name, value] of Object.entries(S3_CREDENTIALS)) vi.stubEnv(name, value);
  server = await S3Server.start();
});

afterAll(async () => {
  await server[Symbol.asyncDispose]();
  vi.unstubAllEnvs();
});

interface S3Subject extends StoreSubject {
  readonly gate: Gate;
  readonly prefix: string;
}

/** A prefix of its own in the shared bucket, on a way of its own. */
async function start(): Promise<S3Subject> {
  const gate = await Gate.to(server.port);
  const prefix = `engines/${randomUUID()}`;
  const store = await openObjects(server.url(prefix, { port: gate.port }));
  return {
    store,
    gate,
    prefix,
    long: { bytes: 128 * MEGABYTE, memoryBytes: 64 * MEGABYTE },
    severalSteps: 20 * MEGABYTE,
    many: 1_001,
    fill: async (keys) => {
      const left = [...keys];
      const writer = async (): Promise<void> => {
        for (let key = left.pop(); key !== undefined; key = left.pop()) await store.write(key, bytes(key));
      };
      await Promise.all(Array.from({ length: 20 }, writer));
    },
    abandon: async () => {
      const given = Promise.withResolvers<void>();
      const rest = Promise.withResolvers<void>();
      const source = async function* () {
        // More than may be on its way at a time: some of it has arrived.
        yield* blocks(64 * MEGABYTE);
        given.resolve();
        await rest.promise;
        throw new Error('killed');
      };
      const ended = errorOf(store.write('left', source()));
      await given.promise;
      await gate.close();
      rest.resolve();
      await ended;
      await gate.open();
    },
    down: () => gate.close(),
    [Symbol.asyncDispose]: async () => {
      await store[Symbol.asyncDispose]();
      await gate[Symbol.asyncDispose]();
    },
  };
}

describeObjectStore('S3Store', start);

describe('a bucket', () => {
  test('that is not there is unavailable, not empty', async () => {
    await using store = await openObjects(server.url('prefix', { bucket: 'nobodys' }));

    const errors = await Promise.all([
      errorOf(store.read('a')),
      errorOf(store.size('a')),
      errorOf(store.write('a', bytes('x'))),
      errorOf(store.delete(['a'])),
      errorOf(Array.fromAsync(store.list(''))),
      errorOf(store.check(never())),
    ]);

    for (const error of errors) {
      expect(error).toMatchObject({ code: 'storage_unavailable', message: expect.stringContaining('s3://nobodys/') });
    }
  });

  test('holds the objects of a store under its prefix, which other stores do not see', async () => {
    await using subject = await start();
    await subject.store.write('files/a', bytes('mine'));
    await using whole = await openObjects(server.url(''));
    await using other = await openObjects(server.url('engines/another'));

    await expect(text(await whole.read(`${subject.prefix}/files/a`))).resolves.toBe('mine');
    await expect(other.size('files/a')).resolves.toBeUndefined();
    expect(await Array.fromAsync(other.list(''))).toEqual([]);
  });

  test('that lets nobody in says so, also where there is no body to say it', async () => {
    vi.stubEnv('AWS_ACCESS_KEY_ID', 'stranger');
    await using store = await openObjects(server.url('prefix'));

    const errors = [await errorOf(store.read('a')), await errorOf(store.size('a'))];

    vi.stubEnv('AWS_ACCESS_KEY_ID', S3_CREDENTIALS.AWS_ACCESS_KEY_ID);
    for (const error of errors) expect(error).toMatchObject({ code: 'storage_unavailable' });
    expect((errors[0] as Error).message).toContain('Access Key Id');
    expect((errors[1] as Error).message).toContain('403');
  });
});

test('without credentials nothing is asked, and the message says so', async () => {
  for (const name of Object.keys(S3_CREDENTIALS)) vi.stubEnv(name, undefined);
  vi.stubEnv('AWS_EC2_METADATA_DISABLED', 'true');
  vi.stubEnv('AWS_CONFIG_FILE', '/nowhere');
  vi.stubEnv('AWS_SHARED_CREDENTIALS_FILE', '/nowhere');
  await using store = await openObjects(server.url('prefix'));

  const error = await errorOf(store.check(never()));

  for (const [name, value] of Object.entries(S3_CREDENTIALS)) vi.stubEnv(name, value);
  expect(error).toMatchObject({ code: 'storage_unavailable', message: expect.stringMatching(/credentials/i) });
});

describe('a connection', () => {
  test('that breaks before anybody reads is told to who reads then, and to nobody else', async () => {
    const breaking = createServer((_request, response) => {
      response.writeHead(200, { 'content-length': '100' });
      response.write('the beginning', () => response.destroy());
    }).listen(0, '127.0.0.1');
    await once(breaking, 'listening');
    const { port } = breaking.address() as AddressInfo;
    await using store = await openObjects(server.url('prefix', { port }));

    const stream = await store.read('a');
    await new Promise((resolve) => {
      stream.once('close', resolve);
    });

    await expect(errorOf(text(stream))).resolves.toMatchObject({ code: 'storage_unavailable' });
    breaking.close();
  });

  test('that breaks in the middle of an object fails its reader', async () => {
    await using subject = await start();
    const { store, gate } = subject;
    await store.write('large', blocks(20 * MEGABYTE));
    const stream = await store.read('large');
    const reader = async (): Promise<void> => {
      for await (const _part of stream) await gate.close();
    };

    await expect(errorOf(reader())).resolves.toMatchObject({
      code: 'storage_unavailable',
      message: expect.stringContaining("'large'"),
    });
  });

  test('that breaks in the middle of a write leaves what was there', async () => {
    await using subject = await start();
    const { store, gate } = subject;
    await store.write('a', bytes('old'));
    const source = async function* () {
      yield* blocks(20 * MEGABYTE);
      await gate.close();
      yield* blocks(20 * MEGABYTE);
    };

    await expect(errorOf(store.write('a', source()))).resolves.toMatchObject({ code: 'storage_unavailable' });

    await gate.open();
    await expect(text(await store.read('a'))).resolves.toBe('old');
  });

  test('on which nothing moves any more keeps no aborted write waiting', async () => {
    await using subject = await start();
    const { store, gate } = subject;
    const stop = new AbortController();
    const reason = new Error('the lease was lost');
    const { swallowed } = gate.stall();
    const writing = errorOf(store.write('a', bytes('new'), { signal: stop.signal }));
    await swallowed;

    stop.abort(reason);

    await expect(writing).resolves.toBe(reason);
  });

  test('on which nothing moves any more keeps no aborted probe waiting', async () => {
    await using subject = await start();
    const { store, gate } = subject;
    const stop = new AbortController();
    const reason = new Error('too late');
    const { swallowed } = gate.stall();
    const checking = errorOf(store.check(stop.signal));
    await swallowed;

    stop.abort(reason);

    await expect(checking).resolves.toBe(reason);
  });
});
