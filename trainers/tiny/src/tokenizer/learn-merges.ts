import { firstMergeToken, splitIntoPieces, type Merge } from './vocabulary.ts';

/** Byte-pair encoding: merges the most frequent neighbours, again and again. Equal counts go to the pair seen first. */
export function learnMerges(texts: Iterable<string>, vocabularySize: number): Merge[] {
  const words = countWords(texts);
  const merges: Merge[] = [];
  for (let token = firstMergeToken; token < vocabularySize; token++) {
    const merge = mostFrequentPair(words);
    if (!merge) break;
    merges.push(merge);
    for (const word of words) word.tokens = replacePair(word.tokens, merge, token);
  }
  return merges;
}

/** Every occurrence of the pair, from the left, becomes `token`. */
function replacePair(tokens: readonly number[], [left, right]: Merge, token: number): number[] {
  const out: number[] = [];
  for (let i = 0; i < tokens.length; i++) {
    const isPair = tokens[i] === left && tokens[i + 1] === right;
    out.push(isPair ? token : (tokens[i] as number));
    if (isPair) i++;
  }
  return out;
}

interface Word {
  tokens: number[];
  readonly count: number;
}

function countWords(texts: Iterable<string>): Word[] {
  const counts = new Map<string, number>();
  for (const text of texts) {
    for (const word of splitIntoPieces(text)) counts.set(word, (counts.get(word) ?? 0) + 1);
  }
  const encoder = new TextEncoder();
  return Array.from(counts, ([word, count]) => ({ tokens: [...encoder.encode(word)], count }));
}

function mostFrequentPair(words: readonly Word[]): Merge | undefined {
  const counts = new Map<number, number>();
  let best: Merge | undefined;
  for (const { tokens, count } of words) {
    for (let i = 0; i + 1 < tokens.length; i++) {
      const key = (tokens[i] as number) * 65_536 + (tokens[i + 1] as number);
      counts.set(key, (counts.get(key) ?? 0) + count);
    }
  }
  let most = 1;
  for (const [key, count] of counts) {
    if (count <= most) continue;
    most = count;
    best = [Math.floor(key / 65_536), key % 65_536];
  }
  return best;
}
