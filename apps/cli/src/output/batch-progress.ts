import { stripVTControlCharacters } from 'node:util';
import type { WireBatch } from '../client/wire-batches.ts';
import { formatCount, formatRate, formatTokens } from './counts.ts';
import type { Terminal } from './terminal.ts';
import { formatSeconds } from './time.ts';

type Paint = Terminal['paint'];

export interface BatchProgress {
  readonly batch: Pick<WireBatch, 'status' | 'request_counts' | 'usage' | 'paused_at'>;
  /** Lines that end in a second; undefined while it is not known. */
  readonly rate: number | undefined;
}

const BAR_MAX = 30;
const BAR_MIN = 10;
const GAP = '  ';

/** A batch that runs, in one line of at most so many characters: where room is scarce, what matters less is left out. */
export function progressBar(progress: BatchProgress, width: number, paint: Paint): string {
  const { batch } = progress;
  if (batch.status === 'validating') return fit([waitsFor(batch)], width).join(GAP);
  const bar = width < BAR_MIN * 3 ? 0 : Math.min(BAR_MAX, Math.floor(width / 3));
  const parts = fit(partsOf(progress, paint), bar === 0 ? width : width - bar - 1).join(GAP);
  return bar === 0 ? parts : `${drawBar(batch, bar, paint)} ${parts}`;
}

function drawBar(batch: BatchProgress['batch'], width: number, paint: Paint): string {
  const { total } = batch.request_counts;
  const filled = total === 0 ? 0 : Math.floor((width * endedOf(batch)) / total);
  return `${paint.green('█'.repeat(filled))}${paint.dim('░'.repeat(width - filled))}`;
}

/** The same where it cannot be drawn: in a log. */
export function progressText(progress: BatchProgress, paint: Paint): string {
  const { batch } = progress;
  return batch.status === 'validating' ? waitsFor(batch) : partsOf(progress, paint).join(' · ');
}

/** The most important first. */
function partsOf({ batch, rate }: BatchProgress, paint: Paint): readonly string[] {
  const { total, failed } = batch.request_counts;
  const ended = endedOf(batch);
  const percent = total === 0 ? 0 : Math.floor((100 * ended) / total);
  const tokens = batch.usage.total_tokens;
  const waits = waitsFor(batch);
  const runs = waits === '' && rate !== undefined && rate > 0;
  return [
    `${percent} %`,
    `${formatCount(ended)}/${formatCount(total)}`,
    waits,
    runs ? `${formatSeconds(((total - ended) / rate) * 1_000)} left` : '',
    failed === 0 ? '' : paint.red(`${formatCount(failed)} failed`),
    runs ? `${formatRate(rate)}/s` : '',
    tokens === 0 ? '' : formatTokens(tokens),
  ].filter((part) => part !== '');
}

/** What a batch does when it does not run lines. */
function waitsFor({ status, paused_at: pausedAt }: BatchProgress['batch']): string {
  switch (status) {
    case 'validating':
      return 'checking the file';
    case 'in_progress':
      return pausedAt === null ? '' : 'paused';
    case 'finalizing':
      return 'writing the results';
    case 'cancelling':
      return 'cancelling';
    case 'completed':
    case 'failed':
    case 'expired':
    case 'cancelled':
      return status;
  }
}

function endedOf({ request_counts: { completed, failed } }: Pick<WireBatch, 'request_counts'>): number {
  return completed + failed;
}

/** As many of the first parts as have room; the first one always, cut where it must be. */
function fit(parts: readonly string[], width: number): readonly string[] {
  const [first = '', ...rest] = parts;
  const fitting = [widthOf(first) > width ? stripVTControlCharacters(first).slice(0, Math.max(0, width)) : first];
  for (const part of rest) {
    if (widthOf([...fitting, part].join(GAP)) > width) break;
    fitting.push(part);
  }
  return fitting;
}

function widthOf(text: string): number {
  return stripVTControlCharacters(text).length;
}
