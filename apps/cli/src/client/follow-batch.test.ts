import { describe, expect, test } from 'vitest';
import { CommandError } from '../command-error.ts';
import { EXIT } from '../exit-codes.ts';
import { followBatch } from './follow-batch.ts';
import { patiently } from './patiently.ts';
import type { WireBatch } from './wire-batches.ts';

const away = new CommandError('engine_unreachable', 'Nothing answers.', { exitCode: EXIT.unreachable });
const gone = new CommandError('batch_not_found', 'There is no such batch.');

function batch(status: WireBatch['status'], completed = 0): WireBatch {
  return { id: 'b', status, request_counts: { total: 2, completed, failed: 0 } } as WireBatch;
}

/** Answers, or fails, as it is told. */
function scripted<T>(...steps: readonly (T | Error)[]): {
  readonly get: () => Promise<T>;
  readonly asked: () => number;
} {
  let asked = 0;
  const get = (): Promise<T> => {
    const step = steps[Math.min(asked, steps.length - 1)] as T | Error;
    asked += 1;
    return step instanceof Error ? Promise.reject(step) : Promise.resolve(step);
  };
  return { get, asked: () => asked };
}

function heard(signal: AbortSignal = new AbortController().signal) {
  const remarks: string[] = [];
  const onLost = (): void => void remarks.push('lost');
  const onBack = (): void => void remarks.push('back');
  return { remarks, options: { signal, onLost, onBack, firstLookMs: 1, firstWaitMs: 1 } };
}

async function collect<T>(items: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = [];
  for await (const item of items) all.push(item);
  return all;
}

describe('followBatch', () => {
  test('looks until the batch has ended', async () => {
    const { options } = heard();
    const client = scripted(batch('in_progress', 1), batch('finalizing', 2), batch('completed', 2));

    const seen = await collect(followBatch(client, batch('validating'), options));

    expect(seen.map(({ status }) => status)).toEqual(['validating', 'in_progress', 'finalizing', 'completed']);
  });

  test('does not ask about a batch that has ended', async () => {
    const client = scripted(batch('completed'));

    await collect(followBatch(client, batch('expired'), heard().options));

    expect(client.asked()).toBe(0);
  });

  test('goes on when an engine that was away is back, and tells of both once', async () => {
    const { options, remarks } = heard();
    const client = scripted<WireBatch>(batch('in_progress'), away, away, away, batch('completed'));

    const seen = await collect(followBatch(client, batch('validating'), options));

    expect(seen.at(-1)?.status).toBe('completed');
    expect(remarks).toEqual(['lost', 'back']);
  });

  test('ends when the engine refuses', async () => {
    const following = collect(followBatch(scripted<WireBatch>(gone), batch('validating'), heard().options));

    await expect(following).rejects.toBe(gone);
  });

  test('stops at once when it is told to, also while the engine is away', async () => {
    const stop = new AbortController();
    const { options } = heard(stop.signal);
    const client = scripted<WireBatch>(away);

    const following = collect(
      followBatch(client, batch('validating'), { ...options, onLost: () => stop.abort(), firstWaitMs: 60_000 }),
    );

    await expect(following).rejects.toThrow('aborted');
    expect(client.asked()).toBe(1);
  });
});

test('patience ends where it is told to', async () => {
  const { options } = heard();

  const asking = patiently(scripted<never>(away).get, { ...options, patienceMs: 5 });

  await expect(asking).rejects.toBe(away);
});
