import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { basename } from 'node:path';
import { addAbortSignal } from 'node:stream';
import { INFERENCE_ENDPOINTS } from '@llm-engine/contracts';
import type { InferenceEndpoint } from '@llm-engine/contracts';
import { CommandError } from '../command-error.ts';
import { EXIT } from '../exit-codes.ts';

/** A file that is read once, from its start to its end. */
export interface InputFile {
  /** As the command line names it. */
  readonly path: string;
  /** As the engine will name it. */
  readonly filename: string;
  /** In bytes; unknown of a pipe. */
  readonly size?: number;
  /** Rejects with `file_not_readable`. */
  readonly content: AsyncIterable<Uint8Array>;
}

const STANDARD_INPUT = '-';
const PIECE_BYTES = 256 * 1024;
/** A first line that is longer is no line of a batch. */
const PEEK_BYTES = 8 * 1024 * 1024;
const LINE_END = 0x0a;

/** Throws `file_not_readable`. */
export async function openInput(path: string, signal: AbortSignal): Promise<InputFile> {
  if (path === STANDARD_INPUT) {
    return { path, filename: 'stdin.jsonl', content: read(path, addAbortSignal(signal, process.stdin), signal) };
  }
  try {
    const found = await stat(path);
    const stream = createReadStream(path, { highWaterMark: PIECE_BYTES, signal });
    return {
      path,
      filename: basename(path),
      // A pipe that has a name has no size.
      ...(found.isFile() && { size: found.size }),
      content: read(path, stream, signal),
    };
  } catch (error) {
    throw unreadable(path, error);
  }
}

/** What the first request of a batch file asks for, where it says so; and the file, whose start is still in it. */
export async function peekEndpoint(
  content: AsyncIterable<Uint8Array>,
): Promise<{ readonly endpoint: InferenceEndpoint | undefined; readonly content: AsyncIterable<Uint8Array> }> {
  const rest = content[Symbol.asyncIterator]();
  const pieces: Uint8Array[] = [];
  let line: string | undefined;
  for (let bytes = 0; line === undefined && bytes < PEEK_BYTES; bytes += pieces.at(-1)?.length ?? 0) {
    const { done, value } = await rest.next();
    if (done !== true) pieces.push(value);
    // Only what ends a line can make it whole.
    if (done === true || value.includes(LINE_END)) {
      line = firstLine(Buffer.concat(pieces).toString('utf8'), done === true);
    }
  }
  return { endpoint: line === undefined ? undefined : endpointIn(line), content: rejoin(pieces, rest) };
}

async function* rejoin(pieces: readonly Uint8Array[], rest: AsyncIterator<Uint8Array>): AsyncGenerator<Uint8Array> {
  yield* pieces;
  yield* { [Symbol.asyncIterator]: () => rest };
}

/** The first line that is not blank, as soon as it is whole. */
function firstLine(text: string, isAll: boolean): string | undefined {
  const start = text.replace(/^\uFEFF/, '').trimStart();
  const end = start.indexOf('\n');
  if (end >= 0) return start.slice(0, end);
  return isAll ? start : undefined;
}

function endpointIn(line: string): InferenceEndpoint | undefined {
  try {
    const request = JSON.parse(line) as { readonly url?: unknown } | null;
    return INFERENCE_ENDPOINTS.find((endpoint) => endpoint === request?.url);
  } catch {
    // The engine says what is wrong with each line, this one too.
    return undefined;
  }
}

async function* read(path: string, stream: AsyncIterable<Uint8Array>, signal: AbortSignal): AsyncGenerator<Uint8Array> {
  try {
    yield* stream;
  } catch (error) {
    signal.throwIfAborted();
    throw unreadable(path, error);
  }
}

function unreadable(path: string, cause: unknown): CommandError {
  const reason = cause instanceof Error ? cause.message : String(cause);
  return new CommandError('file_not_readable', `${path} cannot be read: ${reason}`, { cause, exitCode: EXIT.usage });
}
