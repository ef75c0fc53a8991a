import { Redis } from 'ioredis';
import { expect, test, vi } from 'vitest';
import { redisOptions } from './connection.ts';
import { Keys } from './keys.ts';
import { StreamWriter } from './stream-writer.ts';

/** A writer to a Redis that the test plays: `parcels` is what it was sent, `answer` what it says. */
function writerTo(answer: (parcel: readonly string[]) => Promise<number>) {
  const redis = new Redis({ ...redisOptions('patient'), lazyConnect: true });
  const parcels: string[][] = [];
  vi.spyOn(redis, 'sendCommand').mockImplementation(({ args }) => {
    // The script, the number of its keys, one key; then run, count, chunks.
    const parcel = String(args[5]).split('\n');
    parcels.push(parcel);
    return answer(parcel);
  });
  const onFenced = vi.fn<() => void>();
  const writer = new StreamWriter({ redis, keys: new Keys('test') }, { jobId: 'job', run: 2, onFenced });
  return { writer, parcels, onFenced };
}

test('the first chunk goes out at once, those that come meanwhile go together, in order', async () => {
  const { writer, parcels } = writerTo(async ({ length }) => length);

  writer.push('a');
  const atOnce = parcels.length;
  for (const chunk of ['b', 'c', 'd']) writer.push(chunk);
  await writer.flush();

  expect(atOnce).toBe(1);
  expect(parcels).toEqual([['a'], ['b', 'c', 'd']]);
});

test('a slow Redis has one parcel on its way at a time', async () => {
  const first = Promise.withResolvers<number>();
  let underWay = 0;
  let most = 0;
  const { writer, parcels } = writerTo(async () => {
    underWay += 1;
    most = Math.max(most, underWay);
    await first.promise;
    underWay -= 1;
    return 1;
  });

  for (const chunk of ['a', 'b']) writer.push(chunk);
  const flushing = writer.flush();
  writer.push('c');
  first.resolve(1);
  await flushing;

  expect(parcels.flat()).toEqual(['a', 'b', 'c']);
  expect(most).toBe(1);
});

test('what has gathered goes out by itself, without a flush', async () => {
  const sent = Promise.withResolvers<void>();
  const { writer, parcels } = writerTo(async (parcel) => {
    if (parcel.includes('b')) sent.resolve();
    return 1;
  });
  writer.push('a');
  await writer.flush();

  writer.push('b');
  await sent.promise;

  expect(parcels).toEqual([['a'], ['b']]);
});

test('a run that is fenced hears of it once and writes nothing more', async () => {
  const { writer, parcels, onFenced } = writerTo(async () => -1);
  writer.push('a');
  writer.push('b');

  await writer.flush();
  writer.push('c');
  await writer.flush();

  expect(onFenced).toHaveBeenCalledOnce();
  expect(parcels).toEqual([['a']]);
});

test('a chunk that could not be sent is told when the stream is flushed', async () => {
  const { writer } = writerTo(() => Promise.reject(new Error('OOM command not allowed')));

  writer.push('a');

  await expect(writer.flush()).rejects.toThrow('OOM');
});

test('a chunk of several lines is sent as one', async () => {
  const { writer, parcels } = writerTo(async () => 1);

  writer.push('{\n"text":\r\n"a\\nb"}');
  await writer.flush();

  expect(parcels).toEqual([['{ "text": "a\\nb"}']]);
});

test('nothing to send is flushed at once', async () => {
  const { writer, parcels } = writerTo(async () => 1);

  await writer.flush();

  expect(parcels).toEqual([]);
});
