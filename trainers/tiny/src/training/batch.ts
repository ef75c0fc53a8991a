/** Tokens to learn from. `weights[i]` says how much the loss counts predicting `tokens[i]`; 0 leaves it out. */
export interface TrainingSequence {
  readonly tokens: readonly number[];
  readonly weights: readonly number[];
}

/** Several sequences laid end to end: nothing is padded, and each attends only to itself. */
export interface Batch {
  readonly tokens: Int32Array;
  /** The row at which each row's sequence starts. */
  readonly starts: Int32Array;
  /** The longest sequence. */
  readonly longest: number;
  /** Rows whose next token counts, that token, and its weight. */
  readonly targetRows: Int32Array;
  readonly targets: Int32Array;
  readonly targetWeights: Float32Array;
}

export function packBatch(sequences: readonly TrainingSequence[]): Batch {
  const tokens: number[] = [];
  const starts: number[] = [];
  const targetRows: number[] = [];
  const targets: number[] = [];
  const targetWeights: number[] = [];
  for (const sequence of sequences) {
    const start = tokens.length;
    // The last token predicts nothing, so it is never an input.
    for (let i = 0; i + 1 < sequence.tokens.length; i++) {
      const targetWeight = sequence.weights[i + 1] ?? 0;
      if (targetWeight !== 0) {
        targetRows.push(tokens.length);
        targets.push(sequence.tokens[i + 1] as number);
        targetWeights.push(targetWeight);
      }
      tokens.push(sequence.tokens[i] as number);
      starts.push(start);
    }
  }
  return {
    tokens: Int32Array.from(tokens),
    starts: Int32Array.from(starts),
    longest: sequences.reduce((longest, sequence) => Math.max(longest, sequence.tokens.length - 1), 0),
    targetRows: Int32Array.from(targetRows),
    targets: Int32Array.from(targets),
    targetWeights: Float32Array.from(targetWeights),
  };
}
