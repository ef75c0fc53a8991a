import { EngineError } from '@llm-engine/contracts';
import type { Part } from '@llm-engine/storage';
import { expect, test } from 'vitest';
import { Recorder } from './recorder.ts';
import type { LineResult } from './recorder.ts';

const OUTAGE = new EngineError('storage_unavailable', 'The database is away.');

function result(line: number, { failed = false, bytes = `{"line":${line}}\n` } = {}): LineResult {
  return { line, failed, bytes: Buffer.from(bytes), tokens: { input: 2, cached: 0, output: 1, reasoning: 0 } };
}

interface Script {
  /** What each recording comes to. Default: it is recorded. */
  readonly record?: (part: Part) => Promise<boolean>;
  readonly hasPart?: () => Promise<boolean>;
}

function recorderOf({ record = async () => true, hasPart = async () => false }: Script = {}) {
  const parts: Part[] = [];
  const told: string[] = [];
  const stop = new AbortController();
  const recorder = new Recorder({
    hold: { batchId: 'batch_1', number: 0, epoch: 3 },
    careful: false,
    signal: stop.signal,
    chunks: {
      record: (_hold, part) => {
        parts.push(part);
        return record(part);
      },
      hasPart,
    },
    onRecorded: ({ completed, failed, tokens }) => told.push(`recorded ${completed}+${failed}, ${tokens.input} tokens`),
    onFenced: () => told.push('fenced'),
    onDefect: (error) => told.push(`defect: ${String(error)}`),
    onTrouble: (error) => told.push(`trouble: ${error.message}`),
  });
  return { recorder, parts, told, stop };
}

test('lines that end together are recorded together, with the failed ones marked', async () => {
  const { recorder, parts, told } = recorderOf();

  recorder.push(result(4));
  recorder.push(result(2, { failed: true, bytes: 'no\n' }));
  await recorder.flush();

  expect(parts).toEqual([
    {
      sequence: 0,
      lines: [4, 2],
      sizes: [11, -3],
      body: Buffer.from('{"line":4}\nno\n'),
      tokens: { input: 4, cached: 0, output: 2, reasoning: 0 },
      careful: false,
    },
  ]);
  expect(told).toEqual(['recorded 1+1, 4 tokens']);
});

test('what ends while a recording is under way goes into the next one', async () => {
  const gate = Promise.withResolvers<boolean>();
  const begun = Promise.withResolvers<void>();
  const { recorder, parts } = recorderOf({
    record: ({ sequence }) => {
      if (sequence > 0) return Promise.resolve(true);
      begun.resolve();
      return gate.promise;
    },
  });

  recorder.push(result(0));
  await begun.promise;
  recorder.push(result(1));
  recorder.push(result(2));
  gate.resolve(true);
  await recorder.flush();

  expect(parts.map(({ sequence, lines }) => [sequence, lines])).toEqual([
    [0, [0]],
    [1, [1, 2]],
  ]);
});

test('too many lines that are not recorded hold new ones back', async () => {
  const gate = Promise.withResolvers<boolean>();
  const { recorder } = recorderOf({ record: () => gate.promise });

  for (let line = 0; line < 256; line += 1) recorder.push(result(line));
  const full = !recorder.hasRoom;
  const room = recorder.room();
  gate.resolve(true);
  await room;

  expect(full).toBe(true);
  expect(recorder.hasRoom).toBe(true);
});

test('a recording that was not answered is looked for before it is made again', async () => {
  let tries = 0;
  const { recorder, parts, told } = recorderOf({
    record: () => {
      tries += 1;
      return Promise.reject(OUTAGE);
    },
    hasPart: async () => true,
  });

  recorder.push(result(0));
  await recorder.flush();

  expect(tries).toBe(1);
  expect(parts).toHaveLength(1);
  expect(told).toEqual(['trouble: The database is away.', 'recorded 1+0, 2 tokens']);
});

test("a chunk that is somebody else's is told, and nothing more is recorded", async () => {
  const { recorder, parts, told } = recorderOf({ record: async () => false });

  recorder.push(result(0));
  await recorder.flush();
  recorder.push(result(1));
  await recorder.flush();
  await recorder.room();

  expect(parts).toHaveLength(1);
  expect(told).toEqual(['fenced']);
});

test('who stops does not wait for a database that is away', async () => {
  const { recorder, told, stop } = recorderOf({ record: () => Promise.reject(OUTAGE) });
  stop.abort();

  recorder.push(result(0));
  await recorder.flush();

  expect(told).toEqual(['trouble: The database is away.', 'fenced']);
});

test('what no outage explains ends the run', async () => {
  const { recorder, told } = recorderOf({ record: () => Promise.reject(new Error('broken')) });

  recorder.push(result(0));
  await recorder.flush();

  expect(told).toEqual(['defect: Error: broken']);
});
