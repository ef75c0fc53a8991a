import { isUtf8 } from 'node:buffer';

/** A line of a file. Blank lines are left out, and keep their number. */
export type Line = LinePlace &
  (
    | { readonly kind: 'text'; readonly bytes: Buffer }
    /** More bytes than are taken. They were not kept. */
    | { readonly kind: 'too_long' }
    | { readonly kind: 'not_utf8' }
  );

interface LinePlace {
  /** From 1. */
  readonly number: number;
  /** Where it begins in the file, in bytes. */
  readonly offset: number;
  /** Bytes without the line end. */
  readonly length: number;
}

const NEWLINE = 0x0a;
const CARRIAGE_RETURN = 0x0d;
const SPACE = 0x20;
const TAB = 0x09;
const BYTE_ORDER_MARK = Buffer.from('\uFEFF');
const NOTHING = Buffer.alloc(0);

/**
 * Splits bytes into lines: all that end in a piece of the source come together, since a wait for each would cost more than
 * the split. Lines end with LF or CRLF, the last one also with the file; a byte order mark at the start belongs to none.
 * Bytes of a line are valid until the next ones are asked for. Holds one unfinished line, of `maxLineBytes` at most.
 */
export async function* readLines(
  source: AsyncIterable<Uint8Array>,
  { maxLineBytes }: { readonly maxLineBytes: number },
): AsyncGenerator<readonly Line[]> {
  const splitter = new LineSplitter(maxLineBytes);
  for await (const piece of source) {
    const lines = splitter.push(Buffer.from(piece.buffer, piece.byteOffset, piece.byteLength));
    if (lines.length > 0) yield lines;
  }
  const last = splitter.end();
  if (last.length > 0) yield last;
}

class LineSplitter {
  readonly #maxLineBytes: number;
  #number = 1;
  /** Where the unfinished line begins, and how many bytes of it have come. */
  #offset = 0;
  #length = 0;
  /** Those bytes, at the start of a buffer that grows; none once they are too many. */
  #held: Buffer = NOTHING;

  constructor(maxLineBytes: number) {
    this.#maxLineBytes = maxLineBytes;
  }

  push(piece: Buffer): readonly Line[] {
    const lines: Line[] = [];
    let start = 0;
    for (;;) {
      // Empty lines are passed by without a search: a file of nothing else has hundreds of millions.
      while (this.#length === 0 && piece[start] === NEWLINE) {
        this.#number += 1;
        this.#offset += 1;
        start += 1;
      }
      const newline = piece.indexOf(NEWLINE, start);
      if (newline === -1) break;
      const bytes = piece.subarray(start, newline);
      if (this.#length === 0) {
        this.#length = bytes.length;
        this.#finish(bytes, lines);
      } else {
        this.#hold(bytes);
        this.#finish(this.#held.subarray(0, this.#length), lines);
      }
      start = newline + 1;
    }
    if (start < piece.length) this.#hold(piece.subarray(start));
    return lines;
  }

  /** What follows the last newline. */
  end(): readonly Line[] {
    const lines: Line[] = [];
    if (this.#length > 0) this.#finish(this.#held.subarray(0, this.#length), lines);
    return lines;
  }

  #hold(more: Buffer): void {
    const length = this.#length + more.length;
    // A carriage return and a byte order mark do not count, so with them it may still be short enough.
    if (length > this.#maxLineBytes + BYTE_ORDER_MARK.length + 1) {
      this.#held = NOTHING;
    } else {
      if (length > this.#held.length) {
        const grown = Buffer.allocUnsafeSlow(Math.max(length, 2 * this.#held.length));
        this.#held.copy(grown, 0, 0, this.#length);
        this.#held = grown;
      }
      more.copy(this.#held, this.#length);
    }
    this.#length = length;
  }

  /** Ends the line at hand, of which `bytes` is all; less, where it was too long to be held. */
  #finish(bytes: Buffer, lines: Line[]): void {
    const number = this.#number;
    const offset = this.#offset;
    const length = this.#length;
    this.#number += 1;
    this.#offset += length + 1;
    this.#length = 0;
    this.#held = NOTHING;
    if (bytes.length < length) {
      lines.push({ kind: 'too_long', number, offset, length });
      return;
    }
    const start = number === 1 && startsWithMark(bytes) ? BYTE_ORDER_MARK.length : 0;
    const end = bytes[length - 1] === CARRIAGE_RETURN ? length - 1 : length;
    const line = this.#sort(start === 0 && end === length ? bytes : bytes.subarray(start, end), number, offset + start);
    if (line !== undefined) lines.push(line);
  }

  #sort(bytes: Buffer, number: number, offset: number): Line | undefined {
    const length = bytes.length;
    if (isBlank(bytes)) return undefined;
    if (length > this.#maxLineBytes) return { kind: 'too_long', number, offset, length };
    if (!isUtf8(bytes)) return { kind: 'not_utf8', number, offset, length };
    return { kind: 'text', number, offset, length, bytes };
  }
}

function startsWithMark(bytes: Buffer): boolean {
  return bytes.subarray(0, BYTE_ORDER_MARK.length).equals(BYTE_ORDER_MARK);
}

/** Whether it is only what JSON takes for white space. Looks at one byte of any other line. */
function isBlank(bytes: Buffer): boolean {
  return bytes.every((byte) => byte === SPACE || byte === TAB || byte === CARRIAGE_RETURN);
}
