import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { Tally } from './limit-tally.ts';
import { readSharedLimit, shareLimit, withoutMember } from './shared-limit.ts';
import type { SharedLimit } from './shared-limit.ts';

const START = 1_700_000_000_000;

test('who is alone has the whole limit, whatever he wants', () => {
  expect(fleet(64, { a: 0 })).toEqual({ a: 64 });
});

test('nobody gets more than he wants while another wants more than he has', () => {
  expect(fleet(30, { a: 100, b: 5, c: 100 })).toEqual({ a: 12, b: 5, c: 13 });
});

test('what nobody wants is spread, so that who comes to want it has some at once', () => {
  expect(fleet(30, { a: 0, b: 0, c: 0 })).toEqual({ a: 10, b: 10, c: 10 });
});

test('a share that another still has comes when he has heard that it is less, and has ended what is too much', () => {
  const alone = told(undefined, 'a', 100, 0);

  const joined = told(alone, 'b', 100, 1);
  const heard = told(joined, 'a', 100, 2, 64, 50);
  const served = told(heard, 'b', 100, 3);
  const ended = told(told(served, 'a', 100, 4, 64, 32), 'b', 100, 5);

  expect(shares(joined)).toEqual({ a: 64, b: 0 });
  expect(shares(heard)).toEqual({ a: 32, b: 0 });
  expect(shares(served)).toEqual({ a: 32, b: 14 });
  expect(shares(ended)).toEqual({ a: 32, b: 32 });
});

test('the share of a process that is gone is free after three seconds, that of one that leaves at once', () => {
  const both = told(told(undefined, 'a', 100, 0), 'b', 100, 1);

  expect(shares(told(both, 'b', 100, 2_000))).toEqual({ a: 64, b: 0 });
  expect(shares(told(both, 'b', 100, 3_001))).toEqual({ b: 64 });
  expect(shares(told(withoutMember(both, 'a'), 'b', 100, 2))).toEqual({ b: 64 });
});

test('of fewer slots than processes each has one in turn', () => {
  const had = new Set<string>();
  let shared: SharedLimit | undefined;
  for (let now = 0; now < 10_000; now += 100) {
    for (const id of ['a', 'b', 'c']) {
      shared = told(shared, id, 5, now, 2);
      expect(total(shared)).toBeLessThanOrEqual(2);
      for (const [name, share] of Object.entries(shares(shared))) if (share > 0) had.add(name);
    }
  }

  expect([...had].toSorted()).toEqual(['a', 'b', 'c']);
});

test('a slot is kept free while interactive requests come, unless there are very few', () => {
  const seen = Object.assign(new Tally(), { interactive: true }).observations(0);
  const reserved = (bound: number, now: number): number => {
    const { shared } = shareLimit(undefined, { member: 'a', bound, wanted: 100, inUse: 0, seen }, START);
    return shares(told(shared, 'a', 100, now, bound))['a'] ?? 0;
  };

  expect([reserved(8, 9_000), reserved(8, 11_000), reserved(3, 0)]).toEqual([7, 8, 3]);
});

test('shares are never more than the limit, whoever tells what in which order', () => {
  const step = fc.record({ id: fc.constantFrom('a', 'b', 'c', 'd'), wanted: fc.nat(100), ms: fc.nat(2_000) });
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 80 }), fc.array(step, { maxLength: 40 }), (bound, steps) => {
      let shared: SharedLimit | undefined;
      let now = 0;
      for (const { id, wanted, ms } of steps) {
        now += ms;
        shared = told(shared, id, wanted, now, bound);
        expect(total(shared)).toBeLessThanOrEqual(bound);
      }
    }),
  );
});

test('a document survives its way through JSON, and another one is not taken for it', () => {
  const shared = told(undefined, 'a', 5, 0);

  expect(readSharedLimit(JSON.parse(JSON.stringify(shared)))).toEqual(shared);
  expect(readSharedLimit({ version: 9 })).toBeUndefined();
  expect(readSharedLimit(undefined)).toBeUndefined();
});

function told(
  before: SharedLimit | undefined,
  member: string,
  wanted: number,
  now: number,
  bound = 64,
  inUse = 0,
): SharedLimit {
  return shareLimit(before, { member, bound, wanted, inUse, seen: new Tally().observations(0) }, START + now).shared;
}

/** The shares once everybody has told often enough. */
function fleet(bound: number, wanted: Readonly<Record<string, number>>): Readonly<Record<string, number>> {
  let shared: SharedLimit | undefined;
  for (let turn = 0; turn < 3; turn += 1) {
    for (const [id, wants] of Object.entries(wanted)) shared = told(shared, id, wants, 0, bound);
  }
  return shared === undefined ? {} : shares(shared);
}

function shares({ members }: SharedLimit): Readonly<Record<string, number>> {
  return Object.fromEntries(Object.entries(members).map(([id, { share }]) => [id, share]));
}

function total(shared: SharedLimit): number {
  return Object.values(shares(shared)).reduce((sum, share) => sum + share, 0);
}
