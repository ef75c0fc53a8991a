import { expect, test, vi } from 'vitest';
import { Periodic } from './periodic.ts';

const OPTIONS = { everyMs: 1, limitMs: 60_000, onTrouble: () => undefined };

/** Work that counts its runs; `run(n)` resolves when the n-th begins. */
function counted(work: (run: number, signal: AbortSignal) => Promise<void> = () => Promise.resolve()) {
  let runs = 0;
  const begun: PromiseWithResolvers<void>[] = [];
  const at = (run: number) => (begun[run] ??= Promise.withResolvers());
  return {
    count: () => runs,
    run: (run: number) => at(run).promise,
    work: async (signal: AbortSignal) => {
      runs += 1;
      at(runs).resolve();
      await work(runs, signal);
    },
  };
}

test('the first run is over when the start is, and further runs follow by themselves', async () => {
  const { work, run, count } = counted();
  await using periodic = new Periodic({ ...OPTIONS, work });

  await periodic.start();
  const afterStart = count();
  await run(3);

  expect(afterStart).toBe(1);
});

test('a run that fails is reported, and the next one is made all the same', async () => {
  const { work, run } = counted((number) =>
    number === 1 ? Promise.reject(new Error('no Redis')) : number === 2 ? Promise.reject('text') : Promise.resolve(),
  );
  const onTrouble = vi.fn<(error: Error) => void>();
  await using periodic = new Periodic({ ...OPTIONS, work, onTrouble });

  await periodic.start();
  await run(3);

  expect(onTrouble.mock.calls.map(([error]) => error.message)).toEqual(['no Redis', 'text']);
});

test('a run that takes too long is aborted and reported', async () => {
  const onTrouble = vi.fn<(error: Error) => void>();
  const { work } = counted((_run, signal) => untilAborted(signal));
  await using periodic = new Periodic({ ...OPTIONS, everyMs: 60_000, limitMs: 1, work, onTrouble });

  await periodic.start();

  expect(onTrouble.mock.calls.map(([error]) => error.name)).toEqual(['TimeoutError']);
});

test('closing it aborts the run that is under way, waits for it, and makes no further one', async () => {
  const onTrouble = vi.fn<(error: Error) => void>();
  let isOver = false;
  const { work, run, count } = counted(async (number, signal) => {
    if (number === 1) return;
    await untilAborted(signal).finally(() => (isOver = true));
  });
  const periodic = new Periodic({ ...OPTIONS, work, onTrouble });
  await periodic.start();
  await run(2);

  await periodic[Symbol.asyncDispose]();

  expect(isOver).toBe(true);
  expect(count()).toBe(2);
  expect(onTrouble).not.toHaveBeenCalled();
});

function untilAborted(signal: AbortSignal): Promise<void> {
  const { promise, reject } = Promise.withResolvers<void>();
  signal.addEventListener('abort', () => reject(signal.reason), { once: true });
  return promise;
}

test('work that cannot hear that it should stop is left behind', async () => {
  const started = Promise.withResolvers<void>();
  const periodic = new Periodic({
    everyMs: 1,
    limitMs: 60_000,
    work: () => {
      started.resolve();
      return new Promise<void>(() => undefined);
    },
    onTrouble: () => undefined,
  });
  const starting = periodic.start();
  await started.promise;

  await periodic[Symbol.asyncDispose]();

  await expect(starting).resolves.toBeUndefined();
});
