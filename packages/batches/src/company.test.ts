import { expect, test } from 'vitest';
import { Company } from './company.ts';

/** Notes who has come in. */
function guests(company: Company) {
  const inside: string[] = [];
  return {
    inside,
    enter: async (name: string, alone = false): Promise<void> => {
      await company.enter(alone);
      inside.push(name);
    },
  };
}

const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

test('lines run side by side without a wait', () => {
  const company = new Company();

  expect([company.enter(), company.enter()]).toEqual([undefined, undefined]);
});

test('a suspect waits until it is alone, and those who come later wait for it', async () => {
  const company = new Company();
  const { inside, enter } = guests(company);
  void enter('a');
  void enter('suspect', true);
  void enter('b');
  void enter('c');

  await settled();
  const first = [...inside];
  company.leave();
  await settled();
  const second = [...inside];
  company.open();
  company.leave();
  await settled();

  expect(first).toEqual(['a']);
  expect(second).toEqual(['a', 'suspect']);
  expect(inside).toEqual(['a', 'suspect', 'b', 'c']);
});

test('a suspect that opens lets others in, but no other suspect until all have left', async () => {
  const company = new Company();
  const { inside, enter } = guests(company);
  void enter('suspect', true);
  void enter('a');
  void enter('other suspect', true);
  await settled();

  company.open();
  await settled();
  const opened = [...inside];
  company.leave();
  await settled();
  const left = [...inside];
  company.leave();
  await settled();

  expect(opened).toEqual(['suspect', 'a']);
  expect(left).toEqual(['suspect', 'a']);
  expect(inside).toEqual(['suspect', 'a', 'other suspect']);
});

test('who comes back does not wait, and is waited for', async () => {
  const company = new Company();
  const { inside, enter } = guests(company);
  void enter('suspect', true);
  company.join();
  void enter('other suspect', true);

  company.open();
  company.leave();
  await settled();
  const before = [...inside];
  company.leave();
  await settled();

  expect(before).toEqual(['suspect']);
  expect(inside).toEqual(['suspect', 'other suspect']);
});
