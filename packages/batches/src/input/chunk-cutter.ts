/** Consecutive lines of a file that one worker runs at a time. */
export interface ChunkRange {
  /** Number of its first line in the file, from 1. */
  readonly firstLine: number;
  /** Requests in it: blank lines do not count. */
  readonly lines: number;
  /** From the first byte of its first line to the last byte of its last, without the line end. */
  readonly byteOffset: number;
  readonly byteLength: number;
}

export interface ChunkSize {
  /** At most. */
  readonly lines: number;
  /** At most, except for a chunk of one line. */
  readonly bytes: number;
}

/** Gathers lines into chunks as they come. */
export class ChunkCutter {
  readonly chunks: ChunkRange[] = [];
  readonly #size: ChunkSize;

  constructor(size: ChunkSize) {
    this.#size = size;
  }

  add({ number, offset, length }: { readonly number: number; readonly offset: number; readonly length: number }): void {
    const last = this.chunks.at(-1);
    const grown = last === undefined ? 0 : offset + length - last.byteOffset;
    if (last === undefined || last.lines >= this.#size.lines || grown > this.#size.bytes) {
      this.chunks.push({ firstLine: number, lines: 1, byteOffset: offset, byteLength: length });
    } else {
      this.chunks[this.chunks.length - 1] = { ...last, lines: last.lines + 1, byteLength: grown };
    }
  }
}

/** A batch is cut into about as many, so that several workers have their part of it. */
const CHUNKS_WANTED = 100;

/** Joins neighbours, so that a large file is not cut into very many chunks, each of which has a cost of its own. */
export function joinChunks(chunks: readonly ChunkRange[], most: ChunkSize): readonly ChunkRange[] {
  const total = chunks.reduce((sum, { lines }) => sum + lines, 0);
  const wanted = Math.min(most.lines, Math.ceil(total / CHUNKS_WANTED));
  const joined: ChunkRange[] = [];
  for (const chunk of chunks) {
    const last = joined.at(-1);
    const grown = last === undefined ? 0 : chunk.byteOffset + chunk.byteLength - last.byteOffset;
    if (last === undefined || last.lines + chunk.lines > wanted || grown > most.bytes) joined.push(chunk);
    else joined[joined.length - 1] = { ...last, lines: last.lines + chunk.lines, byteLength: grown };
  }
  return joined;
}
