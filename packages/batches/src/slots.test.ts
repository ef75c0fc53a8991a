import { expect, test } from 'vitest';
import { Slots } from './slots.ts';

const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

test('so many enter without a wait, and the others in turn when one leaves', async () => {
  const slots = new Slots(2);
  const entered: string[] = [];
  const enter = async (name: string): Promise<void> => {
    await slots.enter();
    entered.push(name);
  };
  for (const name of ['a', 'b', 'c', 'd']) void enter(name);

  await settled();
  const first = [...entered];
  slots.leave();
  await settled();

  expect(first).toEqual(['a', 'b']);
  expect(entered).toEqual(['a', 'b', 'c']);
});

test('who comes back goes before those who wait, and nobody new enters while there are too many', async () => {
  const slots = new Slots(1);
  void slots.enter();
  const waits = slots.enter();
  slots.leave();
  await waits;

  slots.reenter();
  const next = slots.enter();
  let entered = false;
  void next?.then(() => (entered = true));
  slots.leave();
  await settled();
  const tooMany = entered;
  slots.leave();
  await settled();

  expect(tooMany).toBe(false);
  expect(entered).toBe(true);
});
