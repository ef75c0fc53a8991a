import { expect, test, vi } from 'vitest';
import { EndpointLimit } from './endpoint-limit.ts';
import { SimulatedServer } from './testing/simulated-server.ts';

const MINUTE_MS = 60_000;

test('beside a server with a queue inside, chat waits hardly longer than alone, and the batch has the slots that are left', () => {
  const server = new SimulatedServer({ slots: 32, bound: 32, whenFull: 'line' });
  server.chat({ everyMs: 420 });
  server.run(MINUTE_MS);
  const alone = server.measure();
  server.batch();
  server.run(10_000);
  server.measure();

  server.run(2 * MINUTE_MS);

  const beside = server.measure();
  expect(beside.firstChunkMs(0.99)).toBeLessThan(alone.firstChunkMs(0.99) * 1.5);
  expect(beside.leftSlotsUsed).toBeGreaterThan(0.95);
});

test.for<['line' | 'refuse', number]>([
  ['line', 8],
  ['line', 32],
  ['refuse', 8],
  ['refuse', 32],
])('what a server takes that would %s the rest is found out, for %i slots', ([whenFull, slots]) => {
  const server = new SimulatedServer({ slots, bound: 64, whenFull });
  server.chat({ everyMs: 10_500 / slots });
  server.run(MINUTE_MS);
  const alone = server.measure();
  server.batch();
  server.run(MINUTE_MS);
  server.measure();

  server.run(2 * MINUTE_MS);

  const beside = server.measure();
  expect(beside.firstChunkMs(0.5)).toBeLessThan(alone.firstChunkMs(0.5) * 1.4);
  expect(beside.leftSlotsUsed).toBeGreaterThan(0.8);
});

test('a queue that was there before the first conversation is found out too', () => {
  const server = new SimulatedServer({ slots: 16, bound: 64, whenFull: 'line' });
  server.batch();
  server.run(MINUTE_MS);
  server.chat({ everyMs: 500 });
  server.run(2 * MINUTE_MS);
  server.measure();

  server.run(2 * MINUTE_MS);

  const beside = server.measure();
  expect(beside.firstChunkMs(0.5)).toBeLessThan(300);
  expect(beside.leftSlotsUsed).toBeGreaterThan(0.8);
});

test('a server that becomes slower, but not by what it is sent, keeps its limit', () => {
  const server = new SimulatedServer({ slots: 200, bound: 32, whenFull: 'line' });
  server.chat({ everyMs: 420 });
  server.batch();
  server.run(MINUTE_MS);
  server.slowDown(2);
  server.run(2 * MINUTE_MS);

  server.run(2 * MINUTE_MS);

  expect(server.limit.limit).toBeGreaterThan(24);
});

test('the others wait while the server wants a pause; interactive requests are tried all the same', () => {
  vi.useFakeTimers();
  try {
    const onRoom = vi.fn<() => void>();
    const limit = new EndpointLimit({ bound: 8, waiting: () => 9, onRoom });
    for (let count = 0; count < 8; count += 1) limit.take('bulk');
    for (let count = 0; count < 8; count += 1) limit.ended('bulk', 1, { kind: 'refused', retryAfterMs: 2_000 });

    expect([limit.hasRoom('bulk'), limit.hasRoom('standard'), limit.hasRoom('interactive')]).toEqual([
      false,
      false,
      true,
    ]);
    expect(limit.paused).toBe(true);
    onRoom.mockClear();
    vi.advanceTimersByTime(2_500);

    expect(onRoom).toHaveBeenCalledOnce();
    expect(limit.hasRoom('bulk')).toBe(true);
    expect(limit.decreases).toEqual({ refused: 1, timeout: 0, slow: 0 });
    limit.close();
  } finally {
    vi.useRealTimers();
  }
});

test('an interactive request takes the place of one that ended, though the limit is lower by now', () => {
  const limit = new EndpointLimit({ bound: 8, waiting: () => 9, onRoom: () => undefined, now: () => 0 });
  for (let count = 0; count < 8; count += 1) limit.take('bulk');
  limit.ended('bulk', 1, { kind: 'timeout' });
  limit.take('interactive');

  expect(limit.limit).toBe(5);
  expect(limit.hasRoom('interactive')).toBe(false);
  limit.ended('bulk', 1, { kind: 'answered' });
  expect([limit.hasRoom('interactive'), limit.hasRoom('bulk')]).toEqual([true, false]);
});

test('what could not be told to the others is told the next time', async () => {
  const limit = new EndpointLimit({ bound: 10, waiting: () => 0, onRoom: () => undefined });
  let document: object | undefined;
  const exchange = () =>
    limit.exchange(async (change) => {
      document = change(document, Date.now());
    });
  await exchange();
  limit.take('bulk');
  limit.ended('bulk', 1, { kind: 'refused' });
  const cut = limit.limit;

  await expect(limit.exchange(() => Promise.reject(new Error('away')))).rejects.toThrow('away');
  await exchange();

  expect(cut).toBe(7);
  expect(document).toMatchObject({ state: { limit: 7, round: 1 } });
  expect(limit.decreases.refused).toBe(1);
});
