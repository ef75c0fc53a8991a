import { mkdtemp, readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import type { FilesClient } from '../client/files-client.ts';
import type { WireBatch } from '../client/wire-batches.ts';
import { Terminal } from '../output/terminal.ts';
import { placesOf, resultArguments, saveResults } from './batch-results.ts';

const stream = { write: () => true, on: () => undefined };
const terminal = new Terminal({ stdout: stream, stderr: stream, env: {} });

async function temporaryFolder(): Promise<{ readonly path: string } & AsyncDisposable> {
  const path = await mkdtemp(join(tmpdir(), 'llm-engine-results-'));
  return { path, [Symbol.asyncDispose]: () => rm(path, { recursive: true }) };
}

describe('the places of results', () => {
  test('errors go beside the results, where nothing else is said', async () => {
    await using folder = await temporaryFolder();
    const out = join(folder.path, 'out.jsonl');

    expect(await placesOf({ out })).toEqual({ out, errors: join(folder.path, 'out.errors.jsonl'), force: false });
    expect(await placesOf({ out: '-' })).toEqual({ out: '-', force: false });
    expect(await placesOf({})).toEqual({ force: false });
  });

  test('a file of errors that is there already is refused as one of results is', async () => {
    await using folder = await temporaryFolder();
    await writeFile(join(folder.path, 'out.errors.jsonl'), 'old');

    const placing = placesOf({ out: join(folder.path, 'out.jsonl') });

    await expect(placing).rejects.toMatchObject({ code: 'file_exists' });
  });

  test.each([
    [{ force: false }, ''],
    [{ out: 'out.jsonl', errors: 'out.errors.jsonl', force: true }, '--out out.jsonl --force'],
    [{ out: "it's.jsonl", errors: 'e.jsonl', force: false }, "--out 'it'\\''s.jsonl' --errors e.jsonl"],
    [{ errors: 'e.jsonl', force: false }, '--errors e.jsonl'],
  ])('%j is said again as %s', (places, text) => {
    expect(resultArguments(places)).toBe(text);
  });
});

test('what an earlier batch left is not taken for a result of one that brought none', async () => {
  await using folder = await temporaryFolder();
  const [out, errors] = [join(folder.path, 'out.jsonl'), join(folder.path, 'out.errors.jsonl')];
  await writeFile(out, 'old');
  await writeFile(errors, 'old');
  const batch = { id: 'b', output_file_id: 'file-out', error_file_id: null } as WireBatch;
  const files = {
    async *content(id: string) {
      yield Buffer.from(`content of ${id}`);
    },
  } as unknown as FilesClient;

  await saveResults(batch, { out, errors, force: true }, { files, terminal, patience: { onLost: () => undefined } });

  expect(await readdir(folder.path)).toEqual(['out.jsonl']);
  expect(await readFile(out, 'utf8')).toBe('content of file-out');
});
