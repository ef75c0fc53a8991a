import type { FilesClient } from '../client/files-client.ts';
import type { WireFile } from '../client/wire-batches.ts';
import { progressLine } from '../output/file-report.ts';
import type { Terminal } from '../output/terminal.ts';
import type { InputFile } from './input-file.ts';

interface UploadOptions {
  readonly terminal: Terminal;
  readonly signal: AbortSignal;
  readonly purpose: string;
  readonly expiresAfterSeconds?: number;
}

const SHOWN_EVERY_MS = 200;

/** Sends a file as it is read, and shows how far it is. */
export async function uploadFile(
  client: FilesClient,
  file: InputFile,
  { terminal, ...options }: UploadOptions,
): Promise<WireFile> {
  try {
    const { filename, content } = file;
    return await client.upload({ ...options, filename, content: shown(file, content, terminal) });
  } finally {
    terminal.status('');
  }
}

async function* shown(
  { path, size }: InputFile,
  content: AsyncIterable<Uint8Array>,
  terminal: Terminal,
): AsyncGenerator<Uint8Array> {
  let bytes = 0;
  let shownAt = Date.now();
  for await (const piece of content) {
    yield piece;
    bytes += piece.length;
    if (Date.now() - shownAt < SHOWN_EVERY_MS) continue;
    shownAt = Date.now();
    terminal.status(progressLine(path, bytes, size, 'sent').slice(0, terminal.width - 1));
  }
}
