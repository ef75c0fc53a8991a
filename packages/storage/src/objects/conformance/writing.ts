import { createHash } from 'node:crypto';
import { text } from 'node:stream/consumers';
import { expect, test } from 'vitest';
import { blocks, bytes, codeOf, errorOf, never, usedMemory } from './subject.ts';
import type { StartStore } from './subject.ts';

export function describeWriting(start: StartStore): void {
  test('what is written is read, and takes the place of what was there', async () => {
    await using subject = await start();
    const { store } = subject;

    await expect(store.write('files/a', bytes('one', ' two'))).resolves.toBe(7);
    await expect(text(await store.read('files/a'))).resolves.toBe('one two');

    await expect(store.write('files/a', bytes('three'))).resolves.toBe(5);
    await expect(text(await store.read('files/a'))).resolves.toBe('three');
    await expect(store.size('files/a')).resolves.toBe(5);
  });

  test('an object may be empty', async () => {
    await using subject = await start();
    const { store } = subject;

    await expect(store.write('empty', bytes())).resolves.toBe(0);
    await expect(store.write('empty-parts', bytes('', ''))).resolves.toBe(0);

    await expect(text(await store.read('empty'))).resolves.toBe('');
    await expect(text(await store.read('empty', { start: 0, end: 10 }))).resolves.toBe('');
    await expect(store.size('empty-parts')).resolves.toBe(0);
  });

  test('a large object goes in and out without being held in memory', async () => {
    await using subject = await start();
    const { store, long } = subject;
    const written = createHash('sha256');
    const read = createHash('sha256');
    const before = usedMemory();
    let most = 0;
    const measure = (done: number): void => {
      if (done === (long.bytes / 8) * 7) most = Math.max(most, usedMemory() - before);
    };

    await store.write('large', hashing(blocks(long.bytes, measure), written));
    let length = 0;
    for await (const part of await store.read('large')) {
      read.update(part as Buffer);
      length += (part as Buffer).length;
      measure(length);
    }

    expect(length).toBe(long.bytes);
    expect(read.digest('hex')).toBe(written.digest('hex'));
    expect(most).toBeLessThan(long.memoryBytes);
  });

  test.for(['nothing', 'a little', 'much'] as const)(
    'a source that fails after %s leaves what was there, and nothing else',
    async (amount) => {
      await using subject = await start();
      const { store } = subject;
      const length = { nothing: 0, 'a little': 100_000, much: subject.severalSteps }[amount];
      await store.write('a', bytes('old'));
      const failure = new Error('the caller went away');
      const failing = async function* () {
        yield* blocks(length);
        throw failure;
      };

      await expect(errorOf(store.write('a', failing()))).resolves.toBe(failure);
      await expect(errorOf(store.write('b', failing()))).resolves.toBe(failure);

      await expect(text(await store.read('a'))).resolves.toBe('old');
      await expect(store.size('b')).resolves.toBeUndefined();
      await expect(store.sweep(inAnHour())).resolves.toBe(0);
    },
  );

  test('a write that is aborted while its source hangs leaves what was there, and nothing else', async () => {
    await using subject = await start();
    const { store } = subject;
    await store.write('a', bytes('old'));
    const stop = new AbortController();
    const hangs = Promise.withResolvers<void>();
    const hanging = async function* () {
      yield* blocks(subject.severalSteps);
      hangs.resolve();
      await new Promise(() => undefined);
    };
    const writing = errorOf(store.write('a', hanging(), { signal: stop.signal }));
    await hangs.promise;

    const reason = new Error('the caller went away');
    stop.abort(reason);

    await expect(writing).resolves.toBe(reason);
    await expect(text(await store.read('a'))).resolves.toBe('old');
    await expect(store.sweep(inAnHour())).resolves.toBe(0);
  });

  test('a write whose signal has aborted does not begin', async () => {
    await using subject = await start();
    const { store } = subject;
    const reason = new Error('shutdown');

    const error = await errorOf(store.write('a', bytes('new'), { signal: AbortSignal.abort(reason) }));

    expect(error).toBe(reason);
    await expect(store.size('a')).resolves.toBeUndefined();
  });

  test('more bytes than the limit are refused, as many are not', async () => {
    await using subject = await start();
    const { store } = subject;

    await expect(store.write('a', bytes('12345'), { maxBytes: 5, signal: never() })).resolves.toBe(5);
    await expect(codeOf(store.write('a', bytes('123', '456'), { maxBytes: 5 }))).resolves.toBe('file_too_large');

    await expect(text(await store.read('a'))).resolves.toBe('12345');
  });

  test('of several writers of one key one wins, with all of its bytes', async () => {
    await using subject = await start();
    const { store } = subject;
    const bodies = Array.from({ length: 8 }, (_, index) => String(index).repeat(100_000));

    await Promise.all(bodies.map((body) => store.write('folder/a', bytes(body.slice(0, 50_000), body.slice(50_000)))));

    expect(bodies).toContain(await text(await store.read('folder/a')));
    await expect(store.sweep(inAnHour())).resolves.toBe(0);
  });

  test('what a killed writer left is swept once it is old enough', async () => {
    await using subject = await start();
    const { store } = subject;
    await store.write('a', bytes('old'));
    await subject.abandon();

    await expect(store.sweep(new Date(0))).resolves.toBe(0);
    await expect(store.sweep(inAnHour())).resolves.toBe(1);

    await expect(store.sweep(inAnHour())).resolves.toBe(0);
    await expect(text(await store.read('a'))).resolves.toBe('old');
  });

  test('a store that is down is unavailable, in words, and takes nothing from its sources', async () => {
    await using subject = await start();
    const { store } = subject;
    await store.check(never());
    await subject.down();

    const errors = await Promise.all([
      errorOf(store.write('files/a', bytes('new'))),
      errorOf(store.read('files/a')),
      errorOf(store.read('files/a', { start: 0, end: 0 })),
      errorOf(store.size('files/a')),
      errorOf(store.delete(['files/a'])),
      errorOf(Array.fromAsync(store.list('files/'))),
      errorOf(store.sweep(inAnHour())),
      errorOf(store.check(never())),
    ]);

    for (const error of errors) {
      expect(error).toMatchObject({ code: 'storage_unavailable', message: expect.stringContaining('STORAGE_URL') });
    }
  });

  test('a probe of a store can be given up', async () => {
    await using subject = await start();
    const reason = new Error('too late');

    await expect(errorOf(subject.store.check(AbortSignal.abort(reason)))).resolves.toBe(reason);
  });
}

function inAnHour(): Date {
  return new Date(Date.now() + 3_600_000);
}

async function* hashing(
  source: AsyncIterable<Uint8Array>,
  hash: ReturnType<typeof createHash>,
): AsyncGenerator<Uint8Array> {
  for await (const part of source) {
    hash.update(part);
    yield part;
  }
}
