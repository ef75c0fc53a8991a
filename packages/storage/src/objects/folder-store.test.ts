import { writeFileSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { expect, test } from 'vitest';
import { describeObjectStore } from './conformance/describe-object-store.ts';
import { bytes, codeOf, errorOf, never } from './conformance/subject.ts';
import type { StoreSubject } from './conformance/subject.ts';
import { FolderStore } from './folder-store.ts';

interface FolderSubject extends StoreSubject {
  readonly folder: string;
}

async function start(): Promise<FolderSubject> {
  const parent = await mkdtemp(join(tmpdir(), 'llm-engine-objects-'));
  const folder = join(parent, 'data', 'objects');
  return {
    folder,
    store: await FolderStore.open(folder),
    long: { bytes: 20 * 1024 * 1024, memoryBytes: 12 * 1024 * 1024 },
    severalSteps: 1024 * 1024,
    many: 101,
    fill: async (keys) => {
      await mkdir(dirname(join(folder, keys[0]!)));
      for (const key of keys) writeFileSync(join(folder, key), key);
    },
    abandon: () => writeFile(join(folder, '.unfinished', 'left'), 'half of'),
    down: () => rename(folder, `${folder}-away`),
    [Symbol.asyncDispose]: () => rm(parent, { recursive: true, force: true }),
  };
}

describeObjectStore('FolderStore', start);

test('folders that have become empty are removed, the others stay', async () => {
  await using subject = await start();
  const { store, folder } = subject;
  for (const key of ['a/b/c/1', 'a/2', 'd/3']) await store.write(key, bytes(key));

  await store.delete(['a/b/c/1', 'd/3']);

  expect((await readdir(folder)).toSorted()).toEqual(['.unfinished', 'a']);
  expect(await readdir(join(folder, 'a'))).toEqual(['2']);
});

test('writers and deleters of one folder do not get in each other’s way', async () => {
  await using subject = await start();
  const { store } = subject;
  const keys = Array.from({ length: 20 }, (_, index) => `batches/batch-1/${index}`);

  await Promise.all(
    keys.map(async (key) => {
      await store.write(key, bytes(key));
      await store.delete([key]);
    }),
  );

  expect(await Array.fromAsync(store.list(''))).toEqual([]);
});

test('a folder in whose place another was made is unavailable, not empty', async () => {
  await using subject = await start();
  const { store, folder } = subject;
  await store.write('a', bytes('x'));
  await rename(folder, `${folder}-away`);
  await mkdir(folder);

  await expect(codeOf(store.read('a'))).resolves.toBe('storage_unavailable');
  await expect(codeOf(store.size('a'))).resolves.toBe('storage_unavailable');
  await expect(codeOf(store.delete(['a']))).resolves.toBe('storage_unavailable');
  await expect(codeOf(store.check(never()))).resolves.toBe('storage_unavailable');
});

test('a folder that cannot be made is unavailable', async () => {
  await using subject = await start();
  await writeFile(join(subject.folder, 'file'), '');

  const error = await errorOf(FolderStore.open(join(subject.folder, 'file', 'objects')));

  expect(error).toMatchObject({ code: 'storage_unavailable', message: expect.stringContaining('STORAGE_URL') });
});

test('files that are not objects are not listed', async () => {
  await using subject = await start();
  const { store, folder } = subject;
  await store.write('a', bytes('x'));
  await writeFile(join(folder, '.DS_Store'), '');
  await writeFile(join(folder, 'not a key'), '');

  const objects = await Array.fromAsync(store.list(''));

  expect(objects.map(({ key }) => key)).toEqual(['a']);
});

test('a folder is opened again with what is in it', async () => {
  await using subject = await start();
  await subject.store.write('a', bytes('x'));

  await using again = await FolderStore.open(subject.folder);

  await expect(again.size('a')).resolves.toBe(1);
});
