import type { Priority } from '@llm-engine/contracts';
import { expect, test } from 'vitest';
import { SlotQueue } from './slots.ts';
import type { SlotSource } from './slots.ts';

test('waiters get freed slots in the order in which they came, also where they wait for different models', async () => {
  const { queue, holder, source } = setUp(1);
  const another = sourceOf(holder);
  const order: string[] = [];
  await queue.acquire(source, 'standard', never());
  const second = queue.acquire(source, 'standard', never()).then(() => order.push('second'));
  const third = queue.acquire(another, 'standard', never()).then(() => order.push('third'));
  const fourth = queue.acquire(source, 'standard', never()).then(() => order.push('fourth'));

  for (const next of [second, third, fourth]) {
    holder.inUse -= 1;
    queue.admit();
    await next;
  }

  expect(order).toEqual(['second', 'third', 'fourth']);
  expect(holder.inUse).toBe(1);
});

test('the more urgent go first, whenever they came', async () => {
  const { queue, holder, source } = setUp(1);
  const order: string[] = [];
  await queue.acquire(source, 'bulk', never());
  const waiting = (['bulk', 'standard', 'interactive'] as const).map((priority) =>
    queue.acquire(source, priority, never()).then(() => order.push(priority)),
  );

  expect(queue.waiting()).toEqual({ interactive: 1, standard: 1, bulk: 1 });
  expect(queue.waitingFor(holder)).toBe(2);
  for (const next of waiting.toReversed()) {
    holder.inUse -= 1;
    queue.admit();
    await next;
  }

  expect(order).toEqual(['interactive', 'standard', 'bulk']);
});

test('a freed slot passes over a waiter that cannot use it', async () => {
  const { queue, holder, source } = setUp(1, 1);
  const full = new Holder(1, 1);
  const stop = new AbortController();
  const passedOver = queue.acquire(sourceOf(full), 'standard', stop.signal);
  const served = queue.acquire(source, 'standard', never());

  holder.inUse -= 1;
  queue.admit();

  await expect(served).resolves.toBe(holder);
  expect(queue.waiting().standard).toBe(1);
  stop.abort(new Error('enough'));
  await expect(passedOver).rejects.toThrow('enough');
});

test('all that have become possible are let in at once, such as after an endpoint has recovered', async () => {
  const { queue, holder, source } = setUp(0);
  const waiting = [queue.acquire(source, 'bulk', never()), queue.acquire(source, 'bulk', never())];

  holder.size = 3;
  queue.admit();

  await expect(Promise.all(waiting)).resolves.toEqual([holder, holder]);
  expect(holder.inUse).toBe(2);
});

test('those who are aborted leave the line, and who came after them is next', async () => {
  const { queue, holder, source } = setUp(1, 1);
  const stop = new AbortController();
  const aborted = [1, 2].map(() => queue.acquire(source, 'standard', stop.signal));
  const next = queue.acquire(source, 'standard', never());

  stop.abort('cancelled');

  for (const waiting of aborted)
    await expect(waiting).rejects.toMatchObject({ name: 'AbortError', cause: 'cancelled' });
  holder.inUse -= 1;
  queue.admit();
  await expect(next).resolves.toBe(holder);
});

test('thousands who wait are let in one after the other', async () => {
  const { queue, holder, source } = setUp(1, 1);
  const signal = never();
  const order: number[] = [];
  const waiting = Array.from({ length: 5_000 }, (_, index) =>
    queue.acquire(source, 'bulk', signal).then(() => order.push(index)),
  );

  for (const next of waiting) {
    holder.inUse -= 1;
    queue.admit();
    await next;
  }

  expect(order).toEqual(order.toSorted((a, b) => a - b));
  expect(queue.waiting().bulk).toBe(0);
});

test('closing refuses those who wait and those who come', async () => {
  const { queue, source } = setUp(1, 1);
  const waiting = queue.acquire(source, 'standard', never());

  queue.close(new Error('closed'));

  await expect(waiting).rejects.toThrow('closed');
  await expect(queue.acquire(source, 'standard', never())).rejects.toThrow('closed');
});

class Holder {
  size: number;
  inUse: number;

  constructor(size: number, inUse: number) {
    this.size = size;
    this.inUse = inUse;
  }

  take(): void {
    this.inUse += 1;
  }
}

function setUp(size: number, inUse = 0) {
  const holder = new Holder(size, inUse);
  return { queue: new SlotQueue<Holder>(), holder, source: sourceOf(holder) };
}

function sourceOf(holder: Holder): SlotSource<Holder> {
  return {
    holders: [holder],
    choose: (_priority: Priority) => (holder.inUse < holder.size ? holder : undefined),
  };
}

function never(): AbortSignal {
  return new AbortController().signal;
}
