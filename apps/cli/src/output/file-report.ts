import type { ValidatedFile } from '@llm-engine/batches/validate';
import { formatBytes } from './bytes.ts';
import type { Terminal } from './terminal.ts';

type Paint = Terminal['paint'];

/** Every wrong line of a batch file, as compilers write them, and then the file in one line. */
export function reportLines(name: string, file: ValidatedFile, paint: Paint): readonly string[] {
  return [
    ...file.errors.map(({ code, message, line }) => {
      const place = line === null ? name : `${name}:${line}`;
      return `${place}: ${paint.red(code)}: ${message}`;
    }),
    summary(name, file, paint),
  ];
}

/** How far a file was read; `size` is unknown for what comes through a pipe. */
export function progressLine(name: string, bytes: number, size: number | undefined): string {
  if (size === undefined || size === 0) return `${name}: ${formatBytes(bytes)} read`;
  const percent = Math.min(100, Math.floor((100 * bytes) / size));
  return `${name}: ${percent} % of ${formatBytes(size)} read`;
}

function summary(name: string, { errors, total, bytes, model, endpoint }: ValidatedFile, paint: Paint): string {
  const size = `${counted(total, 'request')}, ${formatBytes(bytes)}`;
  if (errors.length > 0) return `${name} ${paint.red('cannot be run')}: ${counted(errors.length, 'error')} · ${size}`;
  return `${name} ${paint.green('is valid')}: ${size} · ${model} at ${endpoint}`;
}

function counted(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`;
}
