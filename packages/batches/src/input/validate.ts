import { addAbortSignal, Readable } from 'node:stream';
import { INFERENCE_ENDPOINTS } from '@llm-engine/contracts';
import type { BatchError, InferenceEndpoint } from '@llm-engine/contracts';
import { ChunkCutter, joinChunks } from './chunk-cutter.ts';
import type { ChunkRange, ChunkSize } from './chunk-cutter.ts';
import { ErrorList, plain } from './error-list.ts';
import { findProblem, isRequestLine, quote } from './line-problem.ts';
import type { LineProblem } from './line-problem.ts';
import { readLines } from './lines.ts';
import type { Line } from './lines.ts';
import { MAX_LEVELS, isDeeperThan } from './nesting.ts';
import { isObject } from './request-check.ts';
import { SeenIds } from './seen-ids.ts';

export interface BatchFileLimits {
  /** Requests in a file. */
  readonly maxLines: number;
  /** Bytes of a line, without its end. */
  readonly maxLineBytes: number;
  /** Errors that are listed; the others are counted. */
  readonly maxErrors: number;
  /** Requests in a chunk, at most; a file is cut into about a hundred, none of them smaller than a hundred requests. */
  readonly chunkLines: number;
  /** Bytes of a chunk, unless one line is longer. */
  readonly chunkBytes: number;
}

const DEFAULT_LIMITS: BatchFileLimits = {
  maxLines: 50_000,
  maxLineBytes: 4 * 1024 * 1024,
  maxErrors: 50_000,
  chunkLines: 500,
  chunkBytes: 1024 * 1024,
};

/** Requests. */
const SMALLEST_CHUNK = 100;

export interface ValidateOptions {
  /** What every line must ask for. Default: what the first line asks for. */
  readonly endpoint?: InferenceEndpoint;
  readonly limits?: Partial<BatchFileLimits>;
  /** Ends a source that is a `Readable` at once, any other at its next piece. */
  readonly signal?: AbortSignal;
  /** Called after each piece of the source, with all bytes so far. */
  readonly onProgress?: (bytes: number) => void;
}

export interface ValidatedFile {
  /** One for each line that is wrong, in the order of the file. None: the file can be run. */
  readonly errors: readonly BatchError[];
  /** Requests in the file, wrong ones included. */
  readonly total: number;
  /** Bytes that were read: all, unless there were too many lines. */
  readonly bytes: number;
  /** Null when no line names one that there is. */
  readonly endpoint: InferenceEndpoint | null;
  /** The model that the file asks; null when no line names one. */
  readonly model: string | null;
  /** The line that names it first. */
  readonly modelLine: number | null;
  /** The whole file in order; none when it has errors. */
  readonly chunks: readonly ChunkRange[];
}

/**
 * Reads a batch file once, and finds every line that is wrong. Memory stays flat whatever the file holds: a line at a time,
 * and of each line its `custom_id`. Rejects with what the source rejects with, and with the reason of the signal.
 */
export async function validateBatchFile(
  source: AsyncIterable<Uint8Array>,
  options: ValidateOptions = {},
): Promise<ValidatedFile> {
  const limits = { ...DEFAULT_LIMITS, ...options.limits };
  const check = new FileCheck(limits, options.endpoint);
  let bytes = 0;
  const counted = piecesOf(source, options.signal, (more) => {
    bytes += more;
    options.onProgress?.(bytes);
  });
  reading: for await (const lines of readLines(counted, limits)) {
    for (const line of lines) {
      if (!check.take(line)) break reading;
    }
  }
  return { ...check.end(), bytes };
}

async function* piecesOf(
  source: AsyncIterable<Uint8Array>,
  signal: AbortSignal | undefined,
  onPiece: (bytes: number) => void,
): AsyncGenerator<Uint8Array> {
  if (signal !== undefined && source instanceof Readable) addAbortSignal(signal, source);
  try {
    for await (const piece of source) {
      signal?.throwIfAborted();
      yield piece;
      onPiece(piece.byteLength);
    }
  } catch (error) {
    // A stream that was aborted says less than the reason.
    signal?.throwIfAborted();
    throw error;
  }
}

/** What is known of a file so far. */
class FileCheck {
  readonly #limits: BatchFileLimits;
  readonly #errors: ErrorList;
  readonly #chunkSize: ChunkSize;
  readonly #cutter: ChunkCutter;
  readonly #ids = new SeenIds();
  #endpoint: InferenceEndpoint | undefined;
  #model: string | undefined;
  #modelLine: number | null = null;
  #total = 0;

  constructor(limits: BatchFileLimits, endpoint: InferenceEndpoint | undefined) {
    this.#limits = limits;
    this.#errors = new ErrorList(limits.maxErrors);
    this.#chunkSize = { lines: limits.chunkLines, bytes: limits.chunkBytes };
    this.#cutter = new ChunkCutter({ ...this.#chunkSize, lines: Math.min(SMALLEST_CHUNK, limits.chunkLines) });
    this.#endpoint = endpoint;
  }

  /** Whether there is a use in more lines. */
  take(line: Line): boolean {
    if (this.#total === this.#limits.maxLines) {
      const message = `The file holds more than ${this.#limits.maxLines} requests. Split it into several files.`;
      this.#errors.add({ code: 'too_many_requests_in_file', message, param: null }, line.number);
      return false;
    }
    this.#total += 1;
    const problem = this.#problemOf(line);
    if (problem !== undefined) this.#errors.add(problem, line.number);
    else if (this.#errors.isEmpty) this.#cutter.add(line);
    return true;
  }

  end(): Omit<ValidatedFile, 'bytes'> {
    if (this.#total === 0) {
      const message = 'The file holds no request. Write one JSON object a line.';
      this.#errors.add({ code: 'empty_file', message, param: null }, null);
    }
    return {
      errors: this.#errors.all(),
      total: this.#total,
      endpoint: this.#endpoint ?? null,
      model: this.#model === undefined ? null : plain(this.#model),
      modelLine: this.#modelLine,
      chunks: this.#errors.isEmpty ? joinChunks(this.#cutter.chunks, this.#chunkSize) : [],
    };
  }

  #problemOf(line: Line): LineProblem | undefined {
    switch (line.kind) {
      case 'too_long':
        return {
          code: 'line_too_long',
          message: `The line has ${line.length} bytes, and at most ${this.#limits.maxLineBytes} are taken. Make the request shorter.`,
          param: null,
        };
      case 'not_utf8':
        return { code: 'invalid_encoding', message: 'The line is not UTF-8. Save the file as UTF-8.', param: null };
      case 'text':
        return this.#problemOfText(line.bytes.toString('utf8'), line);
    }
  }

  #problemOfText(text: string, { number, length }: Line): LineProblem | undefined {
    let request: unknown;
    try {
      request = JSON.parse(text);
    } catch (error) {
      return notJson(error);
    }
    // So many levels take at least two bytes each.
    if (length > 2 * MAX_LEVELS && isDeeperThan(request, MAX_LEVELS)) {
      const message = `The line is nested deeper than ${MAX_LEVELS} levels. Make it flatter.`;
      return { code: 'invalid_request', message, param: null };
    }
    this.#endpoint ??= endpointOf(request);
    const wrong = isRequestLine(request, this.#endpoint) ? undefined : findProblem(request, this.#endpoint, length);
    if (!isObject(request)) return wrong;
    // Both are noted for lines that are wrong otherwise too: what later lines say is compared with what the file says.
    const repeated = this.#noteId(request['custom_id'], number);
    const other = isObject(request['body']) ? this.#noteBody(request['body'], number) : undefined;
    return wrong ?? repeated ?? other;
  }

  #noteId(id: unknown, line: number): LineProblem | undefined {
    if (typeof id !== 'string') return undefined;
    const first = this.#ids.note(id, line);
    if (first === undefined) return undefined;
    return {
      code: 'duplicate_custom_id',
      message: `'custom_id' ${quote(id)} is that of line ${first} already. Give each line one of its own.`,
      param: 'custom_id',
    };
  }

  #noteBody({ stream, model }: Readonly<Record<string, unknown>>, line: number): LineProblem | undefined {
    const streams: LineProblem | undefined =
      stream === true
        ? {
            code: 'streaming_unsupported',
            message: "'body.stream' is true, but a batch does not stream. Leave it out.",
            param: 'body.stream',
          }
        : undefined;
    if (typeof model !== 'string' || model === this.#model) return streams;
    if (this.#model === undefined) {
      this.#model = model;
      this.#modelLine = line;
      return streams;
    }
    return (
      streams ?? {
        code: 'mismatched_model',
        message: `'body.model' is ${quote(model)}, but line ${this.#modelLine} asks ${quote(this.#model)}, and a file is for one model. Put the lines for another one into a file of their own.`,
        param: 'body.model',
      }
    );
  }
}

function endpointOf(request: unknown): InferenceEndpoint | undefined {
  return isObject(request) ? INFERENCE_ENDPOINTS.find((endpoint) => endpoint === request['url']) : undefined;
}

function notJson(error: unknown): LineProblem {
  const reason = error instanceof Error ? error.message : String(error);
  // A position inside the line, which the engine that parses calls line 1.
  const where = reason.replace(/ in JSON at position \d+ \(line \d+ column (\d+)\)/, ' at character $1');
  return { code: 'invalid_json_line', message: `The line is not JSON: ${where}.`, param: null };
}
