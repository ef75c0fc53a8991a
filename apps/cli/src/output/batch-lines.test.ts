import { describe, expect, test } from 'vitest';
import type { WireBatch } from '../client/wire-batches.ts';
import { batchEndLine, batchLines, batchTable, wrongLines } from './batch-lines.ts';
import { Terminal } from './terminal.ts';

const stream = { write: () => true, on: () => undefined };
const { paint } = new Terminal({ stdout: stream, stderr: stream, env: {} });
const CREATED = 1_700_000_000;
const NOW = (CREATED + 100) * 1_000;

const BATCH: WireBatch = {
  id: 'batch_1',
  status: 'completed',
  endpoint: '/v1/embeddings',
  model: 'm',
  errors: null,
  input_file_id: 'file-in',
  output_file_id: 'file-out',
  error_file_id: 'file-err',
  completion_window: '24h',
  created_at: CREATED,
  in_progress_at: CREATED,
  expires_at: CREATED + 86_400,
  completed_at: CREATED + 42,
  failed_at: null,
  expired_at: null,
  cancelled_at: null,
  request_counts: { total: 20_000, completed: 19_988, failed: 12 },
  usage: { input_tokens: 1_000, output_tokens: 234, total_tokens: 1_234 },
  metadata: { run: '7' },
  priority: 'bulk',
  paused_at: null,
  retry_of: null,
};
const RUNNING: WireBatch = { ...BATCH, status: 'in_progress', completed_at: null, output_file_id: null };

describe('a batch', () => {
  test('takes a line of a table', () => {
    expect(batchTable([BATCH, { ...RUNNING, id: 'batch_2', paused_at: CREATED }], paint, NOW)).toEqual([
      'ID       STATUS     MODEL  DONE         FAILED  PRIORITY  AGE       TOOK',
      'batch_1  completed  m      20000/20000  12      bulk      1 m 40 s  42 s',
      'batch_2  paused     m      20000/20000  12      bulk      1 m 40 s  1 m 40 s',
    ]);
  });

  test('is shown with all that is known of it', () => {
    const lines = batchLines(RUNNING, paint, NOW).map((line) => line.replaceAll(/ {2,}/g, '  '));

    expect(lines).toContain('Requests  20,000: 19,988 completed, 12 failed');
    expect(lines).toContain('Tokens  1,000 + 234');
    expect(lines).toContain('Window  until 2023-11-15T22:13:20.000Z (in 23 h 58 m)'.replace(' (', '  ('));
    expect(lines).toContain('Metadata  run=7');
    expect(lines.some((line) => line.startsWith('Output'))).toBe(false);
  });

  test('ends in one line', () => {
    expect(batchEndLine(BATCH, paint)).toBe('completed · 20,000 requests · 12 failed · 1.2K tokens · took 42 s');
  });
});

describe('the wrong lines of a file', () => {
  const errors = Array.from({ length: 60 }, (_, index) => ({ code: 'invalid_url', message: 'No.', line: index + 1 }));
  const failed: WireBatch = { ...BATCH, status: 'failed', errors: { data: errors } };

  test('are named by file and line, the first fifty for a person', () => {
    const lines = wrongLines(failed, 'in.jsonl', paint);

    expect(lines).toHaveLength(51);
    expect(lines[0]).toBe('in.jsonl:1: invalid_url: No.');
    expect(lines.at(-1)).toBe('in.jsonl: and 10 more errors; --json shows them all');
  });

  test('are all there for a log', () => {
    expect(wrongLines(failed, 'in.jsonl', paint, Infinity)).toHaveLength(60);
  });

  test('are none where nothing is wrong', () => {
    expect(wrongLines(BATCH, 'in.jsonl', paint)).toEqual([]);
  });
});
