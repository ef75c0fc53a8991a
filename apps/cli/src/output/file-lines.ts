import type { WireFile } from '../client/wire-batches.ts';
import { formatBytes } from './bytes.ts';
import { formatCount } from './counts.ts';
import { factLines } from './facts.ts';
import { table } from './table.ts';
import type { Terminal } from './terminal.ts';
import { formatSeconds, moment } from './time.ts';

type Paint = Terminal['paint'];

/** A line a file, newest first as they came. */
export function fileTable(files: readonly WireFile[], paint: Paint, now: number): readonly string[] {
  const head = ['ID', 'PURPOSE', 'SIZE', 'AGE', 'EXPIRES', 'NAME'].map((name) => paint.dim(name));
  const rows = files.map((file) => [
    file.id,
    file.purpose,
    formatBytes(file.bytes),
    formatSeconds(now - file.created_at * 1_000),
    file.expires_at == null ? 'never' : `in ${formatSeconds(Math.max(0, file.expires_at * 1_000 - now))}`,
    file.filename,
  ]);
  return table([head, ...rows]);
}

/** All that is known of a file. */
export function fileLines(file: WireFile, paint: Paint, now: number): readonly string[] {
  return factLines(
    [
      ['File', file.id],
      ['Name', file.filename],
      ['Purpose', file.purpose],
      ['Size', `${formatBytes(file.bytes)}  (${formatCount(file.bytes)} bytes)`],
      ['Created', moment(file.created_at, now)],
      ['Expires', moment(file.expires_at ?? null, now) ?? 'never'],
    ],
    paint,
  );
}
