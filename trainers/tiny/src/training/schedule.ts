import { combineSeeds, seededRandom, shuffled } from '../random.ts';
import type { TrainingSequence } from './batch.ts';

export interface ScheduleOptions {
  readonly epochs: number;
  /** A batch is closed once it holds this many tokens. */
  readonly tokensPerBatch: number;
  readonly seed: number;
}

/**
 * Which sequences each step trains on, as indices. It follows from the options alone, so a run that resumes at step k
 * goes on with entry k.
 */
export function planBatches(sequences: readonly TrainingSequence[], options: ScheduleOptions): number[][] {
  const batches: number[][] = [];
  for (let epoch = 0; epoch < options.epochs; epoch++) {
    const random = seededRandom(combineSeeds(options.seed, epoch));
    let batch: number[] = [];
    let tokens = 0;
    for (const index of shuffled(random, [...sequences.keys()])) {
      batch.push(index);
      tokens += sequences[index]?.tokens.length ?? 0;
      if (tokens < options.tokensPerBatch) continue;
      batches.push(batch);
      batch = [];
      tokens = 0;
    }
    if (batch.length > 0) batches.push(batch);
  }
  return batches;
}

/** Rises linearly over the first steps, then falls along a cosine to a hundredth of the peak. */
export function learningRateAt(
  step: number,
  { peak, steps }: { readonly peak: number; readonly steps: number },
): number {
  const warmup = Math.min(100, Math.ceil(steps / 10));
  if (step <= warmup) return (peak * step) / warmup;
  const progress = (step - warmup) / Math.max(1, steps - warmup);
  return peak * (0.01 + 0.99 * 0.5 * (1 + Math.cos(Math.PI * progress)));
}
