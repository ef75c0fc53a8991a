import { expect, test } from 'vitest';
import { SlotQueue } from './slots.ts';
import type { SlotHolder } from './slots.ts';

test('waiters get freed slots in the order in which they came', async () => {
  const holder: SlotHolder = { slots: 1, inUse: 0 };
  const queue = new SlotQueue<SlotHolder>();
  const order: string[] = [];
  await queue.acquire(whenFree(holder), never());
  const second = queue.acquire(whenFree(holder), never()).then(() => order.push('second'));
  const third = queue.acquire(whenFree(holder), never()).then(() => order.push('third'));

  queue.release(holder);
  await second;
  queue.release(holder);
  await third;

  expect(order).toEqual(['second', 'third']);
  expect(holder.inUse).toBe(1);
});

test('a freed slot passes over a waiter that cannot use it', async () => {
  const full: SlotHolder = { slots: 1, inUse: 1 };
  const freed: SlotHolder = { slots: 1, inUse: 1 };
  const queue = new SlotQueue<SlotHolder>();
  const stop = new AbortController();
  const passedOver = queue.acquire(whenFree(full), stop.signal);
  const served = queue.acquire(whenFree(freed), never());

  queue.release(freed);

  await expect(served).resolves.toBe(freed);
  expect(queue.waiting).toBe(1);
  stop.abort(new Error('enough'));
  await expect(passedOver).rejects.toThrow('enough');
});

test('one release admits all that have become possible, such as after an endpoint has recovered', async () => {
  const recovered: SlotHolder = { slots: 3, inUse: 0 };
  const other: SlotHolder = { slots: 1, inUse: 1 };
  let isBack = false;
  const queue = new SlotQueue<SlotHolder>();
  const choose = () => (isBack && recovered.inUse < recovered.slots ? recovered : undefined);
  const waiting = [queue.acquire(choose, never()), queue.acquire(choose, never())];

  isBack = true;
  queue.release(other);

  await expect(Promise.all(waiting)).resolves.toEqual([recovered, recovered]);
  expect(recovered.inUse).toBe(2);
});

test('an aborted waiter leaves the line', async () => {
  const holder: SlotHolder = { slots: 1, inUse: 1 };
  const queue = new SlotQueue<SlotHolder>();
  const stop = new AbortController();
  const waiting = queue.acquire(whenFree(holder), stop.signal);

  stop.abort('cancelled');

  await expect(waiting).rejects.toMatchObject({ name: 'AbortError', cause: 'cancelled' });
  queue.release(holder);
  expect(holder.inUse).toBe(0);
});

test('closing refuses those who wait and those who come', async () => {
  const holder: SlotHolder = { slots: 1, inUse: 1 };
  const queue = new SlotQueue<SlotHolder>();
  const waiting = queue.acquire(whenFree(holder), never());

  queue.close(new Error('closed'));

  await expect(waiting).rejects.toThrow('closed');
  await expect(queue.acquire(whenFree(holder), never())).rejects.toThrow('closed');
});

function whenFree(holder: SlotHolder): () => SlotHolder | undefined {
  return () => (holder.inUse < holder.slots ? holder : undefined);
}

function never(): AbortSignal {
  return new AbortController().signal;
}
