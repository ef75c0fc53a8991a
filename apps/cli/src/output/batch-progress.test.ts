import { describe, expect, test } from 'vitest';
import { progressBar, progressText } from './batch-progress.ts';
import type { BatchProgress } from './batch-progress.ts';
import { Terminal } from './terminal.ts';

const stream = { write: () => true, on: () => undefined };
const { paint } = new Terminal({ stdout: stream, stderr: stream, env: {} });

interface Given {
  readonly status?: BatchProgress['batch']['status'];
  readonly completed?: number;
  readonly failed?: number;
  readonly total?: number;
  readonly tokens?: number;
  readonly paused?: boolean;
  readonly rate?: number;
}

function progress({
  status = 'in_progress',
  completed = 0,
  failed = 0,
  total = 20_000,
  ...rest
}: Given): BatchProgress {
  const { tokens = 0, paused = false, rate } = rest;
  return {
    batch: {
      status,
      request_counts: { total, completed, failed },
      usage: { input_tokens: 0, output_tokens: tokens, total_tokens: tokens },
      paused_at: paused ? 1_700_000_000 : null,
    },
    rate,
  };
}

const HALF = progress({ completed: 8_388, failed: 12, rate: 1_240, tokens: 1_234_567 });

describe('the bar of a batch', () => {
  test('shows how far it is, what is left, what failed, how fast it is and what it took', () => {
    expect(progressBar(HALF, 120, paint)).toBe(
      `${'█'.repeat(12)}${'░'.repeat(18)} 42 %  8,400/20,000  9 s left  12 failed  1,240/s  1.2M tokens`,
    );
  });

  test.each([120, 100, 79, 60, 40, 30, 29, 20, 5, 1, 0])('never takes more than %d characters', (width) => {
    expect(progressBar(HALF, width, paint).length).toBeLessThanOrEqual(width);
    expect(progressBar(progress({ status: 'validating', total: 0 }), width, paint).length).toBeLessThanOrEqual(width);
  });

  test.each([
    [60, `${'█'.repeat(8)}${'░'.repeat(12)} 42 %  8,400/20,000  9 s left  12 failed`],
    [40, `${'█'.repeat(5)}${'░'.repeat(8)} 42 %  8,400/20,000`],
    [29, '42 %  8,400/20,000  9 s left'],
    [6, '42 %'],
  ])('leaves out what matters less where only %d characters have room', (width, text) => {
    expect(progressBar(HALF, width, paint)).toBe(text);
  });

  test('colours take no room', () => {
    const screen = new Terminal({ stdout: stream, stderr: { ...stream, isTTY: true }, env: {} });

    const bar = progressBar(HALF, 120, screen.paintNote);

    expect(bar).toContain('1.2M tokens');
    expect(bar).toContain(screen.paintNote.red('12 failed'));
  });

  test('is full only when every line has ended', () => {
    expect(progressBar(progress({ completed: 19_999 }), 90, paint)).toContain('░ 99 %');
    expect(progressBar(progress({ completed: 20_000 }), 90, paint)).toContain('█ 100 %');
  });
});

describe('the line of a batch in a log', () => {
  test.each([
    ['that runs', HALF, '42 % · 8,400/20,000 · 9 s left · 12 failed · 1,240/s · 1.2M tokens'],
    ['whose rate is not known yet', progress({ completed: 5 }), '0 % · 5/20,000'],
    ['that stands still', progress({ completed: 5, rate: 0 }), '0 % · 5/20,000'],
    ['that is slow', progress({ completed: 10_000, rate: 0.25 }), '50 % · 10,000/20,000 · 11 h 6 m left · 0.25/s'],
    ['that is checked', progress({ status: 'validating', total: 0 }), 'checking the file'],
    ['that is paused', progress({ completed: 5_000, paused: true, rate: 3 }), '25 % · 5,000/20,000 · paused'],
    [
      'that is cancelled now',
      progress({ status: 'cancelling', completed: 100, total: 200 }),
      '50 % · 100/200 · cancelling',
    ],
    [
      'whose lines have ended',
      progress({ status: 'finalizing', completed: 9, total: 9 }),
      '100 % · 9/9 · writing the results',
    ],
    ['that has ended', progress({ status: 'expired', completed: 9, total: 10 }), '90 % · 9/10 · expired'],
  ] as const)('%s', (_name, given, text) => {
    expect(progressText(given, paint)).toBe(text);
  });
});
