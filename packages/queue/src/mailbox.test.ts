import { getEventListeners } from 'node:events';
import { expect, test } from 'vitest';
import { Mailbox } from './mailbox.ts';

const LONG = { timeoutMs: 60_000 };

test('messages are taken in the order in which they were put', async () => {
  const mailbox = new Mailbox<number>();
  for (const number of [1, 2, 3]) mailbox.put(number);

  const taken = [await mailbox.take(LONG), await mailbox.take(LONG), await mailbox.take(LONG)];

  expect(taken).toEqual([1, 2, 3]);
});

test('who takes waits for a message that comes later', async () => {
  const mailbox = new Mailbox<string>();

  const taking = mailbox.take(LONG);
  mailbox.put('late');

  expect(await taking).toBe('late');
});

test('nothing is lost that comes while nobody waits', async () => {
  const mailbox = new Mailbox<string>();
  const taking = mailbox.take(LONG);
  mailbox.put('a');
  mailbox.put('b');

  const taken = [await taking, await mailbox.take(LONG)];

  expect(taken).toEqual(['a', 'b']);
});

test('who takes from an empty mailbox has nothing after the timeout', async () => {
  expect(await new Mailbox().take({ timeoutMs: 1 })).toBeUndefined();
});

test('who takes with an abort has nothing at once, and leaves no listener behind', async () => {
  const mailbox = new Mailbox<string>();
  const controller = new AbortController();
  const taking = mailbox.take({ ...LONG, signal: controller.signal });

  controller.abort();

  expect(await taking).toBeUndefined();
  expect(await mailbox.take({ ...LONG, signal: controller.signal })).toBeUndefined();
  expect(getEventListeners(controller.signal, 'abort')).toEqual([]);
});

test('a message that is there is taken although the signal has aborted', async () => {
  const mailbox = new Mailbox<string>();
  mailbox.put('kept');

  expect(await mailbox.take({ ...LONG, signal: AbortSignal.abort() })).toBe('kept');
});
