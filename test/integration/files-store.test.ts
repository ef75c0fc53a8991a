import { rename } from 'node:fs/promises';
import { text } from 'node:stream/consumers';
import { bytes, codeOf, errorOf } from '@llm-engine/storage/conformance';
import { describe, expect, test } from 'vitest';
import { OWNER, TestFiles, inHours } from '../support/files.ts';

describe('a file', () => {
  test('is there with its bytes once it is committed, and not before', async () => {
    await using files = await TestFiles.start();
    const staged = await files.store.stage(bytes('one\n', 'two\n'));
    expect(staged.bytes).toBe(8);
    expect((await files.store.list(OWNER, { limit: 10 })).rows).toEqual([]);

    const row = await staged.commit({
      owner: OWNER,
      purpose: 'batch',
      filename: 'a.jsonl',
      expiresAfterSeconds: 3_600,
    });

    expect(row).toMatchObject({ owner: OWNER, purpose: 'batch', filename: 'a.jsonl', bytes: 8 });
    expect(row.expiresAt!.getTime() - row.createdAt.getTime()).toBe(3_600_000);
    await expect(files.store.get(OWNER, row.id)).resolves.toEqual(row);
    expect((await files.store.list(OWNER, { limit: 10 })).rows).toEqual([row]);
    await expect(text(await files.store.content(OWNER, row.id))).resolves.toBe('one\ntwo\n');
    await expect(text(await files.store.content(OWNER, row.id, { start: 4, end: 7 }))).resolves.toBe('two');
  });

  test('that is discarded leaves nothing', async () => {
    await using files = await TestFiles.start();
    const staged = await files.store.stage(bytes('one'));

    await staged.discard();

    expect(await files.objectKeys()).toEqual([]);
  });

  test('whose bytes break off, are too many or are given up leaves nothing', async () => {
    await using files = await TestFiles.start();
    const failure = new Error('the caller went away');
    const failing = async function* () {
      yield* bytes('one');
      throw failure;
    };
    const file = { owner: OWNER, purpose: 'batch', filename: 'a' } as const;

    expect(await errorOf(files.store.create({ ...file, source: failing() }))).toBe(failure);
    expect(await errorOf(files.store.stage(bytes('one'), { signal: AbortSignal.abort(failure) }))).toBe(failure);
    expect(await codeOf(files.store.create({ ...file, source: bytes('one'), maxBytes: 2 }))).toBe('file_too_large');

    expect(await files.objectKeys()).toEqual([]);
    expect((await files.store.list(OWNER, { limit: 10 })).rows).toEqual([]);
  });

  test('whose row cannot be written is not there, and its bytes go with the orphans', async () => {
    await using files = await TestFiles.start();
    const staged = await files.store.stage(bytes('one'));
    await files.database.pool.query('ALTER TABLE files RENAME TO away');
    await expect(staged.commit({ owner: OWNER, purpose: 'batch', filename: 'a' })).rejects.toThrow('insert into');
    await files.database.pool.query('ALTER TABLE away RENAME TO files');

    await expect(files.store.removeOrphans(inHours(25))).resolves.toBe(1);

    expect(await files.objectKeys()).toEqual([]);
  });

  test('of another owner is not found, not listed and not deleted', async () => {
    await using files = await TestFiles.start();
    const id = await files.make('mine');

    expect(await codeOf(files.store.get('team-b', id))).toBe('file_not_found');
    expect(await codeOf(files.store.content('team-b', id))).toBe('file_not_found');
    expect(await codeOf(files.store.delete('team-b', id))).toBe('file_not_found');
    expect((await files.store.list('team-b', { limit: 10 })).rows).toEqual([]);

    await expect(text(await files.store.content(OWNER, id))).resolves.toBe('mine');
  });

  test('that is deleted is gone with its bytes', async () => {
    await using files = await TestFiles.start();
    const id = await files.make('one');

    await files.store.delete(OWNER, id);

    expect(await codeOf(files.store.get(OWNER, id))).toBe('file_not_found');
    expect(await codeOf(files.store.delete(OWNER, id))).toBe('file_not_found');
    expect(await files.objectKeys()).toEqual([]);
  });

  test('may be deleted while the object store is away; its bytes go with the orphans', async () => {
    await using files = await TestFiles.start();
    const id = await files.make('one');
    await rename(files.folder, `${files.folder}-away`);

    await files.store.delete(OWNER, id);

    expect(await codeOf(files.store.get(OWNER, id))).toBe('file_not_found');
    await rename(`${files.folder}-away`, files.folder);
    await expect(files.store.removeOrphans(inHours(25))).resolves.toBe(1);
    expect(await files.objectKeys()).toEqual([]);
  });

  test('whose bytes somebody removed says which object is missing', async () => {
    await using files = await TestFiles.start();
    const id = await files.make('one');
    await files.objects.delete([`files/${id}`]);

    const error = await errorOf(files.store.content(OWNER, id));

    expect(error).toMatchObject({ code: 'object_missing', message: expect.stringContaining(`files/${id}`) });
  });
});

describe('a list of files', () => {
  test('comes in pages, the newest or the oldest first', async () => {
    await using files = await TestFiles.start();
    const ids: string[] = [];
    for (const content of ['1', '2', '3', '4', '5']) ids.push(await files.make(content));
    const pages = async (order: 'asc' | 'desc'): Promise<string[][]> => {
      const seen: string[][] = [];
      for (let after: string | undefined; ;) {
        const { rows, hasMore } = await files.store.list(OWNER, { order, after, limit: 2 });
        seen.push(rows.map(({ id }) => id));
        if (!hasMore) return seen;
        after = rows.at(-1)?.id;
      }
    };

    const [first, second, third, fourth, fifth] = ids;
    expect(await pages('asc')).toEqual([[first, second], [third, fourth], [fifth]]);
    expect(await pages('desc')).toEqual([[fifth, fourth], [third, second], [first]]);
    const whole = await files.store.list(OWNER, { limit: 5 });
    expect(whole.rows.map(({ id }) => id)).toEqual(ids.toReversed());
    expect(whole.hasMore).toBe(false);
  });

  test('may be of one purpose', async () => {
    await using files = await TestFiles.start();
    await files.make('1');
    const id = await files.make('2', { purpose: 'fine-tune' });

    const { rows } = await files.store.list(OWNER, { purpose: 'fine-tune', limit: 10 });

    expect(rows.map((row) => row.id)).toEqual([id]);
  });

  test('goes on after a file that has been deleted meanwhile', async () => {
    await using files = await TestFiles.start();
    const first = await files.make('1');
    const second = await files.make('2');
    await files.store.delete(OWNER, second);

    const { rows } = await files.store.list(OWNER, { after: second, limit: 10 });

    expect(rows.map(({ id }) => id)).toEqual([first]);
  });
});
