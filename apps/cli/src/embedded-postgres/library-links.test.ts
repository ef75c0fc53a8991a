import { mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { makeLibraryLinks } from './library-links.ts';

const LINKS = [
  { source: 'native/lib/libpq.so.5.18', target: 'native/lib/libpq.so.5' },
  { source: 'native/lib/libpq.so.5.18', target: 'native/lib/libpq.so' },
];

async function packageFolder(links?: readonly unknown[]): Promise<{ readonly path: string } & AsyncDisposable> {
  const path = await mkdtemp(join(tmpdir(), 'llm-engine-links-'));
  await mkdir(join(path, 'native/lib'), { recursive: true });
  await writeFile(join(path, 'native/lib/libpq.so.5.18'), 'a library');
  if (links !== undefined) await writeFile(join(path, 'native/pg-symlinks.json'), JSON.stringify(links));
  return { path, [Symbol.asyncDispose]: () => rm(path, { recursive: true }) };
}

describe('makeLibraryLinks', () => {
  test('makes the links that are missing, also where several starts do at once', async () => {
    await using folder = await packageFolder(LINKS);
    await symlink('libpq.so.5.18', join(folder.path, 'native/lib/libpq.so.5'));

    await Promise.all([makeLibraryLinks(folder.path), makeLibraryLinks(folder.path)]);

    expect(await readFile(join(folder.path, 'native/lib/libpq.so'), 'utf8')).toBe('a library');
    expect(await readFile(join(folder.path, 'native/lib/libpq.so.5'), 'utf8')).toBe('a library');
  });

  test('has nothing to do where the libraries need no links', async () => {
    await using folder = await packageFolder();

    await expect(makeLibraryLinks(folder.path)).resolves.toBeUndefined();
  });

  test('names the link that cannot be made', async () => {
    await using folder = await packageFolder([{ source: 'native/lib/a', target: 'native/missing/libpq.so' }]);

    await expect(makeLibraryLinks(folder.path)).rejects.toMatchObject({
      code: 'postgres_missing',
      message: expect.stringMatching(/native.missing.libpq\.so is missing.*npm rebuild.*DATABASE_URL/),
    });
  });
});
