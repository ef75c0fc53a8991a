import { isBatchEnd } from '@llm-engine/contracts';
import type { BatchStatus } from '@llm-engine/contracts';
import type { WireBatch } from '../client/wire-batches.ts';
import { counted, formatCount, formatTokens } from './counts.ts';
import { factLines, pairs } from './facts.ts';
import { errorLine } from './file-report.ts';
import { table } from './table.ts';
import type { Terminal } from './terminal.ts';
import { formatSeconds, moment } from './time.ts';

type Paint = Terminal['paint'];

const COLORS: Readonly<Record<BatchStatus, 'green' | 'red' | 'yellow' | 'cyan' | 'blue' | 'gray'>> = {
  validating: 'blue',
  in_progress: 'yellow',
  finalizing: 'yellow',
  cancelling: 'gray',
  completed: 'green',
  failed: 'red',
  expired: 'red',
  cancelled: 'gray',
};
/** How many wrong lines a person is shown of a file. */
const SHOWN_ERRORS = 50;

export function paintStatus({ status, paused_at: pausedAt }: WireBatch, paint: Paint): string {
  return status === 'in_progress' && pausedAt !== null ? paint.cyan('paused') : paint[COLORS[status]](status);
}

/** A line a batch, newest first as they came. */
export function batchTable(batches: readonly WireBatch[], paint: Paint, now: number): readonly string[] {
  const head = ['ID', 'STATUS', 'MODEL', 'DONE', 'FAILED', 'PRIORITY', 'AGE', 'TOOK'].map((name) => paint.dim(name));
  const rows = batches.map((batch) => {
    const { total, completed, failed } = batch.request_counts;
    return [
      batch.id,
      paintStatus(batch, paint),
      batch.model ?? '-',
      `${completed + failed}/${total}`,
      failed === 0 ? '0' : paint.red(String(failed)),
      batch.priority,
      formatSeconds(now - batch.created_at * 1_000),
      tookOf(batch, now),
    ];
  });
  return table([head, ...rows]);
}

/** All that is known of a batch. */
export function batchLines(batch: WireBatch, paint: Paint, now: number): readonly string[] {
  const { total, completed, failed } = batch.request_counts;
  const facts = factLines(
    [
      ['Batch', batch.id],
      ['Status', paintStatus(batch, paint)],
      ['Endpoint', batch.endpoint],
      ['Model', batch.model ?? undefined],
      ['Priority', batch.priority],
      ['Requests', `${formatCount(total)}: ${formatCount(completed)} completed, ${formatCount(failed)} failed`],
      ['Tokens', tokensOf(batch)],
      ['Input', batch.input_file_id],
      ['Output', batch.output_file_id ?? undefined],
      ['Errors', batch.error_file_id ?? undefined],
      ['Created', moment(batch.created_at, now)],
      ['Paused', moment(batch.paused_at, now)],
      ['Ended', moment(endOf(batch), now)],
      ['Window', isBatchEnd(batch.status) ? batch.completion_window : `until ${moment(batch.expires_at, now) ?? ''}`],
      ['Took', tookOf(batch, now)],
      ['Metadata', pairs(batch.metadata ?? {})],
      ['Retry of', batch.retry_of ?? undefined],
    ],
    paint,
  );
  const wrong = wrongLines(batch, batch.input_file_id, paint);
  return wrong.length === 0 ? facts : [...facts, '', ...wrong];
}

/** How a batch ended, in one line. */
export function batchEndLine(batch: WireBatch, paint: Paint): string {
  const { total, failed } = batch.request_counts;
  const parts = [
    paintStatus(batch, paint),
    counted(total, 'request'),
    failed === 0 ? undefined : paint.red(`${formatCount(failed)} failed`),
    batch.usage.total_tokens === 0 ? undefined : formatTokens(batch.usage.total_tokens),
    `took ${tookOf(batch, Date.now())}`,
  ];
  return parts.filter((part) => part !== undefined).join(' · ');
}

/** What is wrong with the input file, by its name: the first lines of it, and how many there are. */
export function wrongLines({ errors }: WireBatch, name: string, paint: Paint, most = SHOWN_ERRORS): readonly string[] {
  if (errors === null) return [];
  const lines = errors.data.slice(0, most).map((error) => errorLine(name, error, paint));
  const left = errors.data.length - lines.length;
  return left === 0 ? lines : [...lines, `${name}: and ${counted(left, 'more error')}; --json shows them all`];
}

function tokensOf({ usage }: WireBatch): string | undefined {
  const { total_tokens: total, input_tokens: input, output_tokens: output } = usage;
  return total === 0 ? undefined : `${formatCount(input)} + ${formatCount(output)}`;
}

/** Unix seconds. */
function endOf(batch: WireBatch): number | null {
  return batch.completed_at ?? batch.failed_at ?? batch.expired_at ?? batch.cancelled_at;
}

function tookOf(batch: WireBatch, now: number): string {
  return formatSeconds((endOf(batch) ?? now / 1_000) * 1_000 - batch.created_at * 1_000);
}
