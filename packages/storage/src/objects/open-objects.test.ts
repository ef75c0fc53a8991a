import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { expect, test } from 'vitest';
import { errorOf } from './conformance/subject.ts';
import { FolderStore } from './folder-store.ts';
import { openObjects } from './open-objects.ts';
import { S3Store } from './s3-store.ts';

test('a path and a file: URL are a folder', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'llm-engine-objects-'));
  try {
    expect(await openObjects(join(folder, 'a'))).toBeInstanceOf(FolderStore);
    expect(await openObjects(pathToFileURL(join(folder, 'b c')).href)).toBeInstanceOf(FolderStore);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
});

test.for([
  's3://bucket',
  's3://bucket/',
  's3://bucket/some/prefix/',
  's3://bucket/prefix?endpoint=http://127.0.0.1:9000&region=eu-central-1',
  's3://bucket?endpoint=http%3A%2F%2F127.0.0.1%3A9000',
])('%s is a bucket', async (url) => {
  await using store = await openObjects(url);

  expect(store).toBeInstanceOf(S3Store);
});

test.for([
  ['', 'is empty'],
  ['  ', 'is empty'],
  ['s3://', 'names no bucket'],
  ['s3:///prefix', 'names no bucket'],
  ['s3://bucket?endpoint=127.0.0.1:9000', "the endpoint '127.0.0.1:9000'"],
  ['s3://bucket?endpoint=ftp://host', "the endpoint 'ftp://host'"],
  ['s3://bucket?pathStyle=true', "the parameter 'pathStyle'"],
  ['s3://bucket/a%20b', "the prefix 'a%20b'"],
  ['s3://key:secret@bucket', 'has credentials in it'],
  ['https://host/bucket', "begins with 'https:'"],
  ['file://host/folder', 'of another host'],
] as const)('%j is no object store: it %s', async ([url, problem]) => {
  const error = await errorOf(openObjects(url));

  expect(error).toMatchObject({
    code: 'invalid_config',
    param: 'STORAGE_URL',
    message: expect.stringMatching(/^The setting STORAGE_URL .*/),
  });
  expect((error as Error).message).toContain(problem);
  expect((error as Error).message).not.toContain('secret@');
});
