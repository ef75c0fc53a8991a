import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { isJobId, newJobId, retryId } from './ids.ts';

const MOMENT = fc.integer({ min: Date.UTC(2020, 0), max: Date.UTC(2100, 0) });

test('ids of different milliseconds sort by time', () => {
  fc.assert(
    fc.property(MOMENT, fc.integer({ min: 1, max: 1e9 }), (at, later) => {
      expect(newJobId(at) < newJobId(at + later)).toBe(true);
    }),
  );
});

test('ids of one millisecond sort by the order in which they were made', () => {
  const at = Date.UTC(2030, 0);

  const ids = Array.from({ length: 1_000 }, () => newJobId(at));

  expect(ids.every((id, index) => index === 0 || (ids[index - 1] ?? id) < id)).toBe(true);
});

test('no id comes twice, whatever the clock does', () => {
  const now = Date.UTC(2030, 0);

  const ids = Array.from({ length: 2_000 }, (_, index) => newJobId(now - (index % 7)));

  expect(new Set(ids).size).toBe(ids.length);
});

test('what is made is known as a job id, and BullMQ takes it: no colon, no integer', () => {
  fc.assert(
    fc.property(MOMENT, (at) => {
      const id = newJobId(at);

      expect(isJobId(id)).toBe(true);
      expect(id).not.toContain(':');
      expect(Number.isNaN(Number(id))).toBe(true);
    }),
  );
});

test.for([
  '',
  'job_',
  'job_1',
  'x',
  '../../etc/passwd',
  'job_00000000000000000000000000FF',
  `${newJobId()} `,
  `${newJobId()}-`,
])("'%s' is no job id", (text) => {
  expect(isJobId(text)).toBe(false);
});

test('text that is not ours is no job id', () => {
  fc.assert(
    fc.property(fc.string(), (text) => {
      expect(isJobId(text)).toBe(false);
    }),
  );
});

test('a retry has an id of its own, always the same, and so has the retry of a retry', () => {
  const id = newJobId();

  expect(retryId(id)).toBe(`${id}-2`);
  expect(retryId(id)).toBe(retryId(id));
  expect(retryId(retryId(id))).toBe(`${id}-3`);
  expect(isJobId(retryId(retryId(id)))).toBe(true);
});
