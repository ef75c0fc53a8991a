import type { ValidatedFile } from '@llm-engine/batches/validate';
import { formatBytes } from './bytes.ts';
import type { Terminal } from './terminal.ts';

type Paint = Terminal['paint'];
type FileError = Pick<ValidatedFile['errors'][number], 'code' | 'message' | 'line'>;

/** Every wrong line of a batch file, as compilers write them, and then the file in one line. */
export function reportLines(name: string, file: ValidatedFile, paint: Paint): readonly string[] {
  return [...file.errors.map((error) => errorLine(name, error, paint)), summary(name, file, paint)];
}

/** A wrong line of a file, or what is wrong with the whole. */
export function errorLine(name: string, { code, message, line }: FileError, paint: Paint): string {
  const place = line === null ? name : `${name}:${line}`;
  return `${place}: ${paint.red(code)}: ${message}`;
}

/** How far a file was read or sent; `size` is unknown for what comes through a pipe. */
export function progressLine(
  name: string,
  bytes: number,
  size: number | undefined,
  done: 'read' | 'sent' = 'read',
): string {
  if (size === undefined || size === 0) return `${name}: ${formatBytes(bytes)} ${done}`;
  const percent = Math.min(100, Math.floor((100 * bytes) / size));
  return `${name}: ${percent} % of ${formatBytes(size)} ${done}`;
}

function summary(name: string, { errors, total, bytes, model, endpoint }: ValidatedFile, paint: Paint): string {
  const size = `${counted(total, 'request')}, ${formatBytes(bytes)}`;
  if (errors.length > 0) return `${name} ${paint.red('cannot be run')}: ${counted(errors.length, 'error')} · ${size}`;
  return `${name} ${paint.green('is valid')}: ${size} · ${model} at ${endpoint}`;
}

function counted(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`;
}
