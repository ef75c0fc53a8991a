/** Numbers in [0, 1) that follow from a seed alone, on every machine. */
export type Random = () => number;

/** Mulberry32: one 32-bit word of state, enough for shuffling, initial weights and sampling. */
export function seededRandom(seed: number): Random {
  let state = mix(seed);
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let word = Math.imul(state ^ (state >>> 15), state | 1);
    word ^= word + Math.imul(word ^ (word >>> 7), word | 61);
    return ((word ^ (word >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** One seed out of several numbers, such as a request's seed and the index of its choice. */
export function combineSeeds(...parts: readonly number[]): number {
  return parts.reduce((seed, part) => mix(Math.imul(seed, 0x01000193) ^ mix(part)), 0x811c9dc5);
}

/** A number with the standard normal distribution (Box-Muller). */
export function normal(random: Random): number {
  return Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
}

export function pick<T>(random: Random, items: readonly T[]): T {
  const item = items[Math.floor(random() * items.length)];
  if (item === undefined) throw new Error('Nothing can be picked from an empty list.');
  return item;
}

/** A new list in random order (Fisher-Yates). */
export function shuffled<T>(random: Random, items: readonly T[]): T[] {
  const result = [...items];
  for (let i = result.length - 1; i > 0; i--) {
    const j = Math.floor(random() * (i + 1));
    [result[i], result[j]] = [result[j] as T, result[i] as T];
  }
  return result;
}

/** Seeds may exceed 32 bits or be fractions: both halves count. */
function mix(seed: number): number {
  let word = (seed | 0) ^ Math.imul(Math.floor(seed / 2 ** 32) | 0, 0x9e3779b1);
  word = Math.imul(word ^ (word >>> 16), 0x85ebca6b);
  word = Math.imul(word ^ (word >>> 13), 0xc2b2ae35);
  return word ^ (word >>> 16);
}
