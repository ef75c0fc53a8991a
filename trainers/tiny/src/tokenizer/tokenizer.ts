import { TextDecoder } from 'node:util';
import { byteCount, firstMergeToken, specialTokens, splitIntoPieces, type Merge } from './vocabulary.ts';

export interface Tokenizer {
  readonly merges: readonly Merge[];
  readonly vocabularySize: number;
  /** Any text; special tokens written out in it are plain text. */
  encode(text: string): number[];
  /** Bytes that are not UTF-8 become U+FFFD; special tokens vanish. */
  decode(tokens: Iterable<number>): string;
  /** The bytes that a token stands for; none for a special token. */
  bytes(token: number): Uint8Array;
}

/** Frequent pieces are remembered, up to this many. */
const cachedPieces = 20_000;

export function createTokenizer(merges: readonly Merge[]): Tokenizer {
  const table = byteTable(merges);
  const ranks = new Map(merges.map(([left, right], rank) => [left * 65_536 + right, rank]));
  const encoder = new TextEncoder();
  const cache = new Map<string, readonly number[]>();

  const encodePiece = (piece: string): readonly number[] => {
    const known = cache.get(piece);
    if (known) return known;
    const tokens = mergePiece([...encoder.encode(piece)], ranks);
    if (cache.size < cachedPieces) cache.set(piece, tokens);
    return tokens;
  };
  const bytes = (token: number): Uint8Array => {
    const known = table[token];
    if (!known) throw new RangeError(`Token ${token} is not in the vocabulary of ${table.length}.`);
    return known;
  };
  return {
    merges,
    vocabularySize: table.length,
    encode: (text) => splitIntoPieces(text).flatMap(encodePiece),
    decode: (tokens) => utf8Decoder().decode(Buffer.concat(Array.from(tokens, bytes))),
    bytes,
  };
}

/** A byte order mark is a character like any other. */
export function utf8Decoder(): TextDecoder {
  return new TextDecoder('utf-8', { ignoreBOM: true });
}

/** Applies the earliest learned merge first, until none applies. */
function mergePiece(tokens: number[], ranks: ReadonlyMap<number, number>): number[] {
  for (;;) {
    let best = Infinity;
    let at = -1;
    for (let i = 0; i + 1 < tokens.length; i++) {
      const rank = ranks.get((tokens[i] as number) * 65_536 + (tokens[i + 1] as number)) ?? Infinity;
      if (rank >= best) continue;
      best = rank;
      at = i;
    }
    if (at < 0) return tokens;
    tokens.splice(at, 2, firstMergeToken + best);
  }
}

function byteTable(merges: readonly Merge[]): Uint8Array[] {
  const table = Array.from({ length: byteCount }, (_, byte) => Uint8Array.of(byte));
  for (const _ of specialTokens) table.push(new Uint8Array());
  for (const [left, right] of merges) {
    const parts = [table[left], table[right]];
    if (!parts[0] || !parts[1]) throw new Error(`Merge ${left} + ${right} names a token that comes later.`);
    table.push(Buffer.concat([parts[0], parts[1]]));
  }
  return table;
}
