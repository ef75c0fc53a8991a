import { expect, test } from 'vitest';
import { bytes, errorOf } from './subject.ts';
import type { StartStore } from './subject.ts';
import type { ObjectStore } from '../object-store.ts';

const OUT_OF_PLACE = [
  '',
  '/',
  '/a',
  'a/',
  'a//b',
  '.',
  '..',
  '../a',
  'a/../../b',
  'a/./b',
  '.hidden',
  'a/.hidden',
  '-a',
];
const OUT_OF_THE_ALPHABET = ['a b', 'a\\b', 'a\0b', 'a\nb', 'ü', 'a%2e', 'a?b', 'a*', 'a:b', '~'];
const TOO_LONG = [`a${'b'.repeat(200)}`, `${'a/'.repeat(256)}a`];
const ODD_KEYS = [...OUT_OF_PLACE, ...OUT_OF_THE_ALPHABET, ...TOO_LONG];

export function describeKeys(start: StartStore): void {
  test('a deleted object is gone, and one that is not there counts as deleted', async () => {
    await using subject = await start();
    const { store } = subject;
    for (const key of ['a/b/1', 'a/b/2', 'a/c']) await store.write(key, bytes(key));

    await store.delete(['a/b/1', 'a/b/1', 'a/b/gone', 'nowhere/gone']);
    await store.delete([]);

    expect(await keysUnder(store, '')).toEqual(['a/b/2', 'a/c']);
    await store.write('a/b/1', bytes('again'));
    expect(await keysUnder(store, 'a/b/')).toEqual(['a/b/1', 'a/b/2']);
  });

  test('a list holds what begins with the prefix, with sizes and times', async () => {
    await using subject = await start();
    const { store } = subject;
    const before = Date.now();
    for (const key of ['files/a', 'files/ab', 'files/b', 'files2', 'other/a/b/c']) await store.write(key, bytes(key));

    expect(await keysUnder(store, '')).toEqual(['files/a', 'files/ab', 'files/b', 'files2', 'other/a/b/c']);
    expect(await keysUnder(store, 'files')).toEqual(['files/a', 'files/ab', 'files/b', 'files2']);
    expect(await keysUnder(store, 'files/')).toEqual(['files/a', 'files/ab', 'files/b']);
    expect(await keysUnder(store, 'files/a')).toEqual(['files/a', 'files/ab']);
    expect(await keysUnder(store, 'files/a/')).toEqual([]);
    expect(await keysUnder(store, 'nothing/here')).toEqual([]);

    const [only] = await Array.fromAsync(store.list('other/'));
    expect(only).toMatchObject({ key: 'other/a/b/c', bytes: 11 });
    // Stores count in whole seconds.
    expect(only!.modifiedAt.getTime()).toBeGreaterThanOrEqual(before - 1_000);
    expect(only!.modifiedAt.getTime()).toBeLessThanOrEqual(Date.now());
  });

  test('a list may be long, may be left, and all of it may be deleted', async () => {
    await using subject = await start();
    const { store } = subject;
    const keys = Array.from({ length: subject.many }, (_, index) => `many/${String(index).padStart(4, '0')}`);
    await subject.fill(keys);

    for await (const { key } of store.list('many/')) {
      expect(keys).toContain(key);
      break;
    }
    expect(await keysUnder(store, 'many/')).toEqual(keys);

    await store.delete(keys);

    expect(await keysUnder(store, '')).toEqual([]);
  });

  test('a key or a prefix that could lead elsewhere is refused, and named', async () => {
    await using subject = await start();
    const { store } = subject;

    for (const key of ODD_KEYS) {
      const errors = await Promise.all([
        errorOf(store.write(key, bytes('x'))),
        errorOf(store.read(key)),
        errorOf(store.size(key)),
        errorOf(store.delete(['a', key])),
      ]);
      for (const error of errors) expect(error).toMatchObject(refusalOf(key));
    }
    for (const prefix of ['/', '../', 'a//', '.', 'a b']) {
      await expect(errorOf(Array.fromAsync(store.list(prefix)))).resolves.toMatchObject(refusalOf(prefix));
    }
  });
}

function refusalOf(name: string) {
  return { code: 'internal_error', message: expect.stringContaining(JSON.stringify(name)) };
}

async function keysUnder(store: ObjectStore, prefix: string): Promise<string[]> {
  const objects = await Array.fromAsync(store.list(prefix));
  return objects.map(({ key }) => key).toSorted();
}
