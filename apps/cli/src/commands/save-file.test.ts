import { mkdir, mkdtemp, readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { requirePlace, saveFile } from './save-file.ts';

async function temporaryFolder(): Promise<{ readonly path: string } & AsyncDisposable> {
  const path = await mkdtemp(join(tmpdir(), 'llm-engine-save-'));
  return { path, [Symbol.asyncDispose]: () => rm(path, { recursive: true }) };
}

async function* pieces(...texts: readonly (string | Error)[]): AsyncGenerator<Uint8Array> {
  for (const text of texts) {
    if (text instanceof Error) throw text;
    yield Buffer.from(text);
  }
}

describe('saveFile', () => {
  test('writes the whole file under its name', async () => {
    await using folder = await temporaryFolder();
    const path = join(folder.path, 'out.jsonl');

    await saveFile(path, pieces('one', 'two'), false);

    expect(await readFile(path, 'utf8')).toBe('onetwo');
    expect(await readdir(folder.path)).toEqual(['out.jsonl']);
  });

  test('leaves nothing behind when the content breaks off', async () => {
    await using folder = await temporaryFolder();

    const saving = saveFile(join(folder.path, 'out.jsonl'), pieces('one', new Error('lost')), false);

    await expect(saving).rejects.toThrow('lost');
    expect(await readdir(folder.path)).toEqual([]);
  });

  test('does not replace a file that appeared meanwhile, unless it may', async () => {
    await using folder = await temporaryFolder();
    const path = join(folder.path, 'out.jsonl');
    await writeFile(path, 'mine');

    await expect(saveFile(path, pieces('new'), false)).rejects.toMatchObject({ code: 'file_exists', exitCode: 2 });
    expect(await readFile(path, 'utf8')).toBe('mine');

    await saveFile(path, pieces('new'), true);
    expect(await readFile(path, 'utf8')).toBe('new');
  });

  test('says so where it cannot write', async () => {
    await using folder = await temporaryFolder();

    const saving = saveFile(join(folder.path, 'none', 'out.jsonl'), pieces('one'), false);

    await expect(saving).rejects.toMatchObject({ code: 'file_not_writable', exitCode: 2 });
  });
});

describe('requirePlace', () => {
  test('a folder, a device and what lies in no folder are no places for a file, even by force', async () => {
    await using folder = await temporaryFolder();
    await mkdir(join(folder.path, 'results'));

    for (const path of [join(folder.path, 'results'), '/dev/null', join(folder.path, 'none', 'out.jsonl')]) {
      await expect(requirePlace(path, true)).rejects.toMatchObject({ code: 'file_not_writable' });
    }
  });
});
