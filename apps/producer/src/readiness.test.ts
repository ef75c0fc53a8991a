import { Hysteresis } from '@llm-engine/observability';
import { expect, test } from 'vitest';
import { Readiness } from './readiness.ts';

function scene(ready: boolean) {
  const connection = { ready };
  const clock = { now: 0 };
  const storage = { up: true, reachable: () => Promise.resolve(storage.up) };
  const hysteresis = new Hysteresis({ holdMs: 10_000, now: () => clock.now });
  const readiness = new Readiness({ connection, storage, hysteresis });
  return { connection, storage, clock, readiness, ...readiness.checks };
}

test('a producer is not started and not ready until Redis was reached once', async () => {
  const { connection, readyz, startupz } = scene(false);

  const before = [await readyz(), await startupz()];
  connection.ready = true;
  const after = [await readyz(), await startupz()];

  expect(before.map(({ ok }) => ok)).toEqual([false, false]);
  expect(after).toEqual([{ ok: true }, { ok: true }]);
});

test('an outage of less than ten seconds leaves it ready, a longer one does not, and it is ready again at once', async () => {
  const { connection, clock, readyz, startupz } = scene(true);

  connection.ready = false;
  const begun = await readyz();
  clock.now = 9_999;
  const short = await readyz();
  clock.now = 10_000;
  const long = await readyz();
  connection.ready = true;
  const over = await readyz();

  expect([begun, short, long, over].map(({ ok }) => ok)).toEqual([true, true, false, true]);
  expect(long.reason).toBe('Redis is out of reach');
  expect(await startupz()).toEqual({ ok: true });
});

test('a producer whose storage is out of reach says so, and stays ready for what needs none', async () => {
  const { storage, readyz } = scene(true);

  storage.up = false;
  const during = await readyz();
  storage.up = true;
  const after = await readyz();

  expect(during).toEqual({ ok: true, reason: 'the storage of files and batches is out of reach' });
  expect(after).toEqual({ ok: true });
});

test('a producer that stops is not ready, and lives', async () => {
  const { readiness, readyz, livez } = scene(true);

  readiness.stop();

  expect(await readyz()).toEqual({ ok: false, reason: 'shutting down' });
  expect(await livez()).toEqual({ ok: true });
});
