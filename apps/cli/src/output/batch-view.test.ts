import { expect, test } from 'vitest';
import type { WireBatch } from '../client/wire-batches.ts';
import { BatchView } from './batch-view.ts';
import { Terminal } from './terminal.ts';

/** A view on a screen or in a log, at a time that the test tells. */
function viewOn(where: 'screen' | 'log') {
  const written: string[] = [];
  const stdout = { write: () => true, on: () => undefined };
  const stderr = { ...stdout, isTTY: where === 'screen', columns: 41, write: (text: string) => written.push(text) };
  const clock = { now: 0 };
  const terminal = new Terminal({ stdout, stderr, env: { NO_COLOR: '1' } });
  return { view: new BatchView(terminal, () => clock.now), written, clock };
}

function batch(completed: number, fields: Partial<WireBatch> = {}): WireBatch {
  return {
    status: 'in_progress',
    request_counts: { total: 1_000, completed, failed: 0 },
    usage: { input_tokens: 0, output_tokens: 0, total_tokens: 0 },
    paused_at: null,
    ...fields,
  } as WireBatch;
}

test('on a screen every look moves the bar, and the end takes it away', () => {
  const { view, written, clock } = viewOn('screen');

  view.show(batch(0));
  clock.now = 1_000;
  view.show(batch(100));
  view.show(batch(1_000, { status: 'completed' }));

  expect(written.map((text) => text.replace('\r\u001B[2K', ''))).toEqual([
    `${'░'.repeat(13)} 0 %  0/1,000`,
    `█${'░'.repeat(12)} 10 %  100/1,000  9 s left`,
    '',
  ]);
});

test('a log is told when the batch changes, and else every ten seconds', () => {
  const { view, written, clock } = viewOn('log');
  const show = (atMs: number, state: WireBatch): void => {
    clock.now = atMs;
    view.show(state);
  };

  show(0, batch(0, { status: 'validating' }));
  show(100, batch(0));
  show(5_000, batch(500));
  show(10_100, batch(600));
  show(10_200, batch(600, { paused_at: 1 }));
  show(10_300, batch(600, { paused_at: 1 }));
  show(10_400, batch(600, { status: 'completed' }));

  expect(written).toEqual([
    'checking the file\n',
    '0 % · 0/1,000\n',
    '60 % · 600/1,000 · 7 s left · 60/s\n',
    '60 % · 600/1,000 · paused\n',
  ]);
});
