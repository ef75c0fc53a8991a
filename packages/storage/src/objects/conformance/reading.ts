import { once } from 'node:events';
import { text } from 'node:stream/consumers';
import { expect, test } from 'vitest';
import { blocks, bytes, errorOf } from './subject.ts';
import type { StartStore } from './subject.ts';

export function describeReading(start: StartStore): void {
  test.for<[start: number, end: number, expected: string]>([
    [0, 10, '0123456789'],
    [0, 1, '0'],
    [3, 7, '3456'],
    [9, 10, '9'],
    [9, 100, '9'],
    [0, Number.MAX_SAFE_INTEGER, '0123456789'],
    [4, 4, ''],
    [10, 11, ''],
    [50, 60, ''],
  ])('from byte %i to before byte %i it reads what is there', async ([from, end, expected]) => {
    await using subject = await start();
    await subject.store.write('digits', bytes('01234', '56789'));

    await expect(text(await subject.store.read('digits', { start: from, end }))).resolves.toBe(expected);
  });

  test('a key that is not there is named, and has no size', async () => {
    await using subject = await start();
    const { store } = subject;
    await store.write('files/here', bytes('x'));

    const errors = await Promise.all([
      errorOf(store.read('files/gone')),
      errorOf(store.read('files/gone', { start: 3, end: 3 })),
      errorOf(store.read('files/gone', { start: 0, end: 1 })),
    ]);

    for (const error of errors) {
      expect(error).toMatchObject({ code: 'object_missing', message: expect.stringContaining("'files/gone'") });
    }
    await expect(store.size('files/gone')).resolves.toBeUndefined();
    await expect(store.size('files')).resolves.toBeUndefined();
    await expect(errorOf(store.read('files'))).resolves.toMatchObject({ code: 'object_missing' });
  });

  test('a reader may leave in the middle', async () => {
    await using subject = await start();
    const { store } = subject;
    await store.write('large', blocks(4_000_000));

    for (let reader = 0; reader < 3; reader += 1) {
      const stream = await store.read('large');
      await once(stream, 'readable');
      stream.destroy();
      await once(stream, 'close');
    }

    await expect(store.size('large')).resolves.toBe(4_000_000);
  });

  test('a reader gets the object that it began with, also when another takes its place', async () => {
    await using subject = await start();
    const { store } = subject;
    await store.write('a', blocks(1_000_000));
    const stream = await store.read('a');

    await store.write('a', bytes('new'));

    let length = 0;
    for await (const part of stream) length += (part as Buffer).length;
    expect(length).toBe(1_000_000);
  });
}
