import { multiply } from '../model/matrix.ts';
import { embedding, weight, type Parameters } from '../model/parameters.ts';
import type { Batch } from './batch.ts';
import { linearGradient } from './gradients.ts';

export interface Loss {
  /** Mean cross-entropy in nats per counted token. */
  readonly loss: number;
  /** How often the likeliest token was the right one, 0 to 1. */
  readonly accuracy: number;
}

/** The loss at the rows that count, and with `gradients` also its gradient by the final activations ([rows, width]). */
export function crossEntropy(
  parameters: Parameters,
  batch: Batch,
  { final, gradients }: { readonly final: Float32Array; readonly gradients?: Parameters },
): Loss & { readonly finalGradient: Float32Array } {
  const table = weight(parameters, embedding);
  const rows = batch.targetRows.length;
  const width = final.length / batch.tokens.length;
  const vocabulary = table.length / width;
  const states = gather(final, batch.targetRows, width);
  const logits = new Float32Array(rows * vocabulary);
  multiply({ out: logits, left: states, right: table, rows, inner: width, columns: vocabulary });

  const totalWeight = batch.targetWeights.reduce((sum, item) => sum + item, 0);
  let loss = 0;
  let hits = 0;
  for (let row = 0; row < rows; row++) {
    const scores = logits.subarray(row * vocabulary, (row + 1) * vocabulary);
    const share = (batch.targetWeights[row] as number) / totalWeight;
    const target = batch.targets[row] as number;
    const best = softmax(scores);
    loss -= share * Math.log(Math.max(scores[target] as number, 1e-30));
    if (best === target) hits += share;
    scores[target] = (scores[target] as number) - 1;
    for (let i = 0; i < vocabulary; i++) scores[i] = (scores[i] as number) * share;
  }

  const finalGradient = new Float32Array(final.length);
  if (gradients) {
    const stateGradient = new Float32Array(states.length);
    linearGradient({
      input: states,
      matrix: table,
      outputGradient: logits,
      matrixGradient: weight(gradients, embedding),
      inputGradient: stateGradient,
      rows,
    });
    batch.targetRows.forEach((row, i) => {
      finalGradient.set(stateGradient.subarray(i * width, (i + 1) * width), row * width);
    });
  }
  return { loss, accuracy: hits, finalGradient };
}

/** In place; returns the index of the largest. */
function softmax(scores: Float32Array): number {
  let best = 0;
  for (let i = 1; i < scores.length; i++) if ((scores[i] as number) > (scores[best] as number)) best = i;
  const largest = scores[best] as number;
  let total = 0;
  for (let i = 0; i < scores.length; i++) {
    const power = Math.exp((scores[i] as number) - largest);
    scores[i] = power;
    total += power;
  }
  for (let i = 0; i < scores.length; i++) scores[i] = (scores[i] as number) / total;
  return best;
}

function gather(matrix: Float32Array, rows: Int32Array, width: number): Float32Array {
  const out = new Float32Array(rows.length * width);
  rows.forEach((row, i) => out.set(matrix.subarray(row * width, (row + 1) * width), i * width));
  return out;
}
