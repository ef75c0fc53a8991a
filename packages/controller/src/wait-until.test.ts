import { EngineError } from '@llm-engine/contracts';
import type { ErrorCode } from '@llm-engine/contracts';
import { describe, expect, test } from 'vitest';
import { waitUntil } from './wait-until.ts';

/** Something that ends with the number 3, and throws where an error code stands in its place. */
function counting(...looks: readonly (number | ErrorCode)[]) {
  const left = [...looks];
  return {
    what: "the group 'group_x'",
    look: () => {
      const seen = left.shift();
      if (seen === undefined) throw new Error('looked too often');
      return typeof seen === 'number' ? Promise.resolve(seen) : Promise.reject(new EngineError(seen, seen));
    },
    isEnded: (seen: number) => seen === 3,
  };
}

const noPause = () => Promise.resolve();

describe('a wait', () => {
  test('ends with the end, and tells of each look', async () => {
    const seen: number[] = [];

    const ended = await waitUntil(counting(1, 2, 3), { onProgress: (status) => seen.push(status) }, noPause);

    expect(ended).toBe(3);
    expect(seen).toEqual([1, 2, 3]);
  });

  test('looks less and less often, up to every two seconds or so', async () => {
    const pauses: number[] = [];

    await waitUntil(counting(...Array.from({ length: 20 }, () => 1), 3), {}, (ms) => {
      pauses.push(ms);
      return Promise.resolve();
    });

    expect(pauses[0]).toBeLessThan(126);
    expect(Math.max(...pauses)).toBeLessThanOrEqual(2_500);
    expect(pauses.at(-1)).toBeGreaterThanOrEqual(1_500);
  });

  test('goes on through outages', async () => {
    expect(await waitUntil(counting('queue_unavailable', 'storage_unavailable', 3), {}, noPause)).toBe(3);
  });

  test('ends with any other error', async () => {
    const waiting = waitUntil(counting('group_not_found'), {}, noPause);

    await expect(waiting).rejects.toMatchObject({ code: 'group_not_found' });
  });

  test('ends when its time is up', async () => {
    const waiting = waitUntil(counting(1), { timeoutMs: 0 }, noPause);

    await expect(waiting).rejects.toMatchObject({ code: 'wait_timeout', message: expect.stringMatching('group_x') });
  });

  test('ends when it is aborted', async () => {
    const abort = new AbortController();
    const waiting = waitUntil(counting(1), { signal: abort.signal }, () => {
      abort.abort(new Error('enough'));
      return Promise.resolve();
    });

    await expect(waiting).rejects.toThrow('enough');
  });
});
