import { describe, expect, test } from 'vitest';
import type { ValidatedFile } from '@llm-engine/batches/validate';
import { formatBytes } from './bytes.ts';
import { progressLine, reportLines } from './file-report.ts';
import { Terminal } from './terminal.ts';

const stream = { write: () => true, on: () => undefined };
const { paint } = new Terminal({ stdout: stream, stderr: stream, env: {} });

const VALID: ValidatedFile = {
  errors: [],
  total: 1,
  bytes: 2_500,
  endpoint: '/v1/embeddings',
  model: 'm',
  modelLine: 1,
  chunks: [{ firstLine: 1, lines: 1, byteOffset: 0, byteLength: 2_500 }],
};

describe('the report of a batch file', () => {
  test('that is valid says what it asks', () => {
    expect(reportLines('a.jsonl', VALID, paint)).toEqual(['a.jsonl is valid: 1 request, 2.5 kB · m at /v1/embeddings']);
  });

  test('names each wrong line, and the file where it is the whole', () => {
    const errors = [
      { code: 'invalid_url', message: 'It goes elsewhere.', param: 'url', line: 3 },
      { code: 'empty_file', message: 'Nothing is in it.', param: null, line: null },
    ];

    expect(reportLines('a.jsonl', { ...VALID, errors }, paint)).toEqual([
      'a.jsonl:3: invalid_url: It goes elsewhere.',
      'a.jsonl: empty_file: Nothing is in it.',
      'a.jsonl cannot be run: 2 errors · 1 request, 2.5 kB',
    ]);
  });

  test('while it is read, says how far', () => {
    expect(progressLine('a.jsonl', 50_000_000, 200_000_000)).toBe('a.jsonl: 25 % of 200 MB read');
    expect(progressLine('-', 50_000_000, undefined)).toBe('-: 50 MB read');
  });
});

test.each([
  [0, '0 B'],
  [999, '999 B'],
  [1_234, '1.2 kB'],
  [56_789, '57 kB'],
  [1_000_000, '1.0 MB'],
  [3_400_000_000, '3.4 GB'],
])('%d bytes read as %s', (bytes, text) => {
  expect(formatBytes(bytes)).toBe(text);
});
