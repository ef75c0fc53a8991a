import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { validateBatchFile } from '@llm-engine/batches/validate';
import type { ValidatedFile } from '@llm-engine/batches/validate';
import { CommandError } from '../command-error.ts';
import { EXIT } from '../exit-codes.ts';
import type { ExitCode } from '../exit-codes.ts';
import { progressLine, reportLines } from '../output/file-report.ts';
import type { Terminal } from '../output/terminal.ts';
import type { CommandContext } from './context.ts';
import type { ValidateFlags } from './validate.ts';

const STANDARD_INPUT = '-';
const PROGRESS_MS = 200;

export async function runValidate(path: string, flags: ValidateFlags, { terminal }: CommandContext): Promise<ExitCode> {
  const file = await validate(path, flags, terminal);
  const valid = file.errors.length === 0;
  if (flags.json === true) {
    const { total, bytes, endpoint, model, errors } = file;
    terminal.json({ file: path, valid, requests: total, bytes, endpoint, model, errors });
  } else terminal.print(...reportLines(path, file, terminal.paint));
  return valid ? EXIT.ok : EXIT.failed;
}

async function validate(path: string, flags: ValidateFlags, terminal: Terminal): Promise<ValidatedFile> {
  try {
    const size = path === STANDARD_INPUT ? undefined : (await stat(path)).size;
    return await validateBatchFile(path === STANDARD_INPUT ? process.stdin : createReadStream(path), {
      ...(flags.endpoint !== undefined && { endpoint: flags.endpoint }),
      ...(flags.maxLines !== undefined && { limits: { maxLines: flags.maxLines } }),
      onProgress: showProgress(path, size, terminal),
    });
  } catch (error) {
    if (!(error instanceof Error && 'syscall' in error)) throw error;
    throw new CommandError('file_not_readable', `${path} cannot be read: ${error.message}`, {
      cause: error,
      exitCode: EXIT.usage,
    });
  } finally {
    terminal.status('');
  }
}

/** Shows progress now and then; never for a file that is read sooner than that. */
function showProgress(path: string, size: number | undefined, terminal: Terminal): (bytes: number) => void {
  let shownAt = Date.now();
  return (bytes) => {
    const now = Date.now();
    if (now - shownAt < PROGRESS_MS) return;
    shownAt = now;
    terminal.status(progressLine(path, bytes, size));
  };
}
