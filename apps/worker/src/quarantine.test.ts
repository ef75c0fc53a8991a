import { expect, test } from 'vitest';
import { AT_LARGE, Quarantine } from './quarantine.ts';
import { FakeLease } from './testing/fake-lease.ts';

test('one suspect at a time is let in, the next after it has left', async () => {
  const quarantine = new Quarantine();
  const first = await quarantine.enter(new FakeLease({ id: 'a' }));

  const meanwhile = await quarantine.enter(new FakeLease({ id: 'b' }));
  await first?.[Symbol.asyncDispose]();
  const next = await quarantine.enter(new FakeLease({ id: 'b', deaths: 1 }));

  expect(first?.deaths).toBe(0);
  expect(meanwhile).toBeUndefined();
  expect(next?.deaths).toBe(1);
});

test('a suspect whose entry could not be noted leaves the quarantine free', async () => {
  const quarantine = new Quarantine();
  const lease = new FakeLease();
  lease.enterQuarantine = () => Promise.reject(new Error('OOM'));

  await expect(quarantine.enter(lease)).rejects.toThrow('OOM');

  expect(await quarantine.enter(new FakeLease())).toBeDefined();
});

test('a job that is no suspect has killed nobody, and has nothing to leave', async () => {
  expect(AT_LARGE.deaths).toBe(0);
  await expect(AT_LARGE[Symbol.asyncDispose]()).resolves.toBeUndefined();
});
