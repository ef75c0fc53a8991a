export interface AttentionRow {
  readonly heads: number;
  /** Queries, one of them a row of [., width]. */
  readonly queries: Float32Array;
  readonly queryRow: number;
  /** Keys and values of the sequence; it reads `count` rows from `firstKey` on. */
  readonly keys: Float32Array;
  readonly values: Float32Array;
  readonly firstKey: number;
  readonly count: number;
  /** Receives [heads, count] from `probabilitiesAt` on. */
  readonly probabilities: Float32Array;
  readonly probabilitiesAt: number;
  /** Receives the mixed values at `queryRow`. */
  readonly out: Float32Array;
  readonly width: number;
}

/** What one token sees of the tokens up to itself, for every head. */
export function attend(row: AttentionRow): void {
  const { heads, queries, keys, values, firstKey, count, probabilities, out, width } = row;
  const headWidth = width / heads;
  const scale = 1 / Math.sqrt(headWidth);
  for (let head = 0; head < heads; head++) {
    const query = row.queryRow * width + head * headWidth;
    const at = row.probabilitiesAt + head * count;
    let largest = -Infinity;
    for (let j = 0; j < count; j++) {
      const key = (firstKey + j) * width + head * headWidth;
      let score = 0;
      for (let i = 0; i < headWidth; i++) score += (queries[query + i] as number) * (keys[key + i] as number);
      score *= scale;
      probabilities[at + j] = score;
      if (score > largest) largest = score;
    }
    let total = 0;
    for (let j = 0; j < count; j++) {
      const power = Math.exp((probabilities[at + j] as number) - largest);
      probabilities[at + j] = power;
      total += power;
    }
    for (let i = 0; i < headWidth; i++) out[query + i] = 0;
    for (let j = 0; j < count; j++) {
      const probability = (probabilities[at + j] as number) / total;
      probabilities[at + j] = probability;
      const value = (firstKey + j) * width + head * headWidth;
      for (let i = 0; i < headWidth; i++) {
        out[query + i] = (out[query + i] as number) + probability * (values[value + i] as number);
      }
    }
  }
}
