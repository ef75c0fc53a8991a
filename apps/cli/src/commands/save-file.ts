import { createWriteStream } from 'node:fs';
import { rename, rm, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { CommandError } from '../command-error.ts';
import { EXIT } from '../exit-codes.ts';

/**
 * Refuses a place for a file before there is any work for it: what is there already is replaced only where that is wanted.
 * Throws `file_exists`, `file_not_writable`.
 */
export async function requirePlace(path: string, force: boolean): Promise<void> {
  const folder = await stat(dirname(path)).catch(() => undefined);
  if (folder?.isDirectory() !== true) throw unwritable(path, `there is no folder ${dirname(path)}`);
  const found = await stat(path).catch(() => undefined);
  if (found === undefined) return;
  if (!found.isFile()) throw unwritable(path, 'it is no regular file. - stands for standard output');
  if (force) return;
  throw new CommandError('file_exists', `${path} is there already. Name another file, or give --force to replace it.`, {
    exitCode: EXIT.usage,
  });
}

/** Writes a file, which is whole or not there. Throws `file_exists`, `file_not_writable`, and what the content rejects with. */
export async function saveFile(path: string, content: AsyncIterable<Uint8Array>, force: boolean): Promise<void> {
  const draft = `${path}.${process.pid}.part`;
  try {
    await pipeline(content, createWriteStream(draft, { flush: true }));
    await requirePlace(path, force);
    await rename(draft, path);
  } catch (error) {
    await rm(draft, { force: true });
    if (error instanceof Error && 'syscall' in error) throw unwritable(path, error.message, error);
    throw error;
  }
}

function unwritable(path: string, reason: string, cause?: Error): CommandError {
  return new CommandError('file_not_writable', `${path} cannot be written: ${reason}.`, {
    exitCode: EXIT.usage,
    ...(cause !== undefined && { cause }),
  });
}
