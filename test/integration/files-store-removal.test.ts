import { readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { BATCH_ENDS, BATCH_STATUSES, isBatchEnd } from '@llm-engine/contracts';
import { bytes, codeOf, errorOf } from '@llm-engine/storage/conformance';
import { describe, expect, test } from 'vitest';
import { OWNER, TestFiles, inHours } from '../support/files.ts';

const LIVE = BATCH_STATUSES.filter((status) => !isBatchEnd(status));

describe('a file whose time is over', () => {
  test('counts as gone at once', async () => {
    await using files = await TestFiles.start();
    const id = await files.make('one', { expiresAfterSeconds: -1 });

    expect(await codeOf(files.store.get(OWNER, id))).toBe('file_not_found');
    expect(await codeOf(files.store.content(OWNER, id))).toBe('file_not_found');
    expect(await codeOf(files.store.delete(OWNER, id))).toBe('file_not_found');
    expect((await files.store.list(OWNER, { limit: 10 })).rows).toEqual([]);
  });

  test('is removed with its bytes, and the others stay', async () => {
    await using files = await TestFiles.start();
    await files.make('over', { expiresAfterSeconds: 60 });
    const later = await files.make('later', { expiresAfterSeconds: 7_200 });
    const kept = await files.make('kept');

    await expect(files.store.removeExpired(inHours(1))).resolves.toBe(1);
    await expect(files.store.removeExpired(inHours(1))).resolves.toBe(0);

    expect((await files.objectKeys()).toSorted()).toEqual([`files/${later}`, `files/${kept}`].toSorted());
  });

  test('is removed also when there are many', async () => {
    await using files = await TestFiles.start();
    await files.database.pool.query(
      `INSERT INTO files (id, owner, purpose, filename, bytes, created_at, expires_at)
       SELECT 'file-' || n, 'team-a', 'batch', 'a', 0, now(), now() FROM generate_series(1, 1201) AS n`,
    );

    await expect(files.store.removeExpired(inHours(1))).resolves.toBe(1_201);
  });

  test.for(LIVE)('stays while a batch that is %s reads it', async (status) => {
    await using files = await TestFiles.start();
    const id = await files.make('one', { expiresAfterSeconds: 60 });
    const batch = await files.batchOf(id, status);

    await expect(files.store.removeExpired(inHours(1))).resolves.toBe(0);
    expect(await files.objectKeys()).toEqual([`files/${id}`]);

    await files.become(batch, 'completed');
    await expect(files.store.removeExpired(inHours(1))).resolves.toBe(1);
  });
});

describe('a file that a batch reads', () => {
  test.for(LIVE)('is not deleted while the batch is %s, and the batch is named', async (status) => {
    await using files = await TestFiles.start();
    const id = await files.make('one');
    const batch = await files.batchOf(id, status);

    const error = await errorOf(files.store.delete(OWNER, id));

    expect(error).toMatchObject({ code: 'file_in_use', message: expect.stringContaining(batch) });
    await expect(text(await files.store.content(OWNER, id))).resolves.toBe('one');
  });

  test.for(BATCH_ENDS)('is deleted once the batch is %s', async (status) => {
    await using files = await TestFiles.start();
    const id = await files.make('one');
    await files.batchOf(id, status);

    await files.store.delete(OWNER, id);

    expect(await files.objectKeys()).toEqual([]);
  });

  test('is deleted, or the batch is made: never both', async () => {
    await using files = await TestFiles.start();
    const ids = await Promise.all(Array.from({ length: 20 }, (_, index) => files.make(String(index))));

    const outcomes = await Promise.all(
      ids.map((id) => Promise.all([codeOf(files.batchOf(id)), codeOf(files.store.delete(OWNER, id))])),
    );

    const batchMade = [undefined, 'file_in_use'];
    const fileDeleted = ['file_not_found', undefined];
    for (const outcome of outcomes) expect([batchMade, fileDeleted]).toContainEqual(outcome);
  });
});

describe('bytes without a file', () => {
  test('are removed once they are a day old, and those of files are not', async () => {
    await using files = await TestFiles.start();
    const kept = await files.make('kept');
    await files.store.stage(bytes('of an upload that was cut off'));
    await files.objects.write('batches/batch-1/0', bytes('of something else'));

    await expect(files.store.removeOrphans(inHours(23))).resolves.toBe(0);
    await expect(files.store.removeOrphans(inHours(25))).resolves.toBe(1);

    expect((await files.objectKeys()).toSorted()).toEqual(['batches/batch-1/0', `files/${kept}`]);
  });

  test('are removed also when they are many', async () => {
    await using files = await TestFiles.start();
    const kept = await files.make('kept');
    for (let left = 0; left < 501; left += 1) await files.objects.write(`files/file-${left}`, bytes('x'));

    await expect(files.store.removeOrphans(inHours(25))).resolves.toBe(501);

    expect(await files.objectKeys()).toEqual([`files/${kept}`]);
  });

  test('are removed also where a killed writer left them', async () => {
    await using files = await TestFiles.start();
    const unfinished = join(files.folder, '.unfinished');
    await writeFile(join(unfinished, 'left'), 'half of');

    await files.store.removeOrphans(inHours(23));
    expect(await readdir(unfinished)).toEqual(['left']);

    await files.store.removeOrphans(inHours(25));
    expect(await readdir(unfinished)).toEqual([]);
  });
});
