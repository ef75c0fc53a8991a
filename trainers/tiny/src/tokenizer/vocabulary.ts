/** Token ids: 0-255 are the bytes, then the special tokens, then one token for each merge, in the order learned. */
export const specialTokens = ['<|begin|>', '<|end|>', '<|system|>', '<|user|>', '<|assistant|>'] as const;

export type SpecialToken = (typeof specialTokens)[number];

export const byteCount = 256;

export const firstMergeToken = byteCount + specialTokens.length;

export function specialTokenId(token: SpecialToken): number {
  return byteCount + specialTokens.indexOf(token);
}

/** Two neighbouring tokens that become one. */
export type Merge = readonly [left: number, right: number];

/**
 * Pieces within which merges stay: a word with its leading space, a digit, a run of signs or of white space. The upper
 * bounds keep encoding linear in the length of a text, whatever the text.
 */
const piece = / ?\p{L}{1,24}| ?\p{N}| ?[^\s\p{L}\p{N}]{1,8}|\s{1,8}/gu;

export function splitIntoPieces(text: string): string[] {
  return text.match(piece) ?? [];
}
