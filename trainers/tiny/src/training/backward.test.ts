import { expect, test } from 'vitest';
import { embedding, initialParameters, weight, zerosLike } from '../model/parameters.ts';
import { createRotation } from '../model/rotary.ts';
import { seededRandom } from '../random.ts';
import { backpropagate, evaluate } from './backward.ts';
import { packBatch } from './batch.ts';

const config = { vocabularySize: 11, width: 8, layers: 2, heads: 2, hiddenWidth: 12, context: 8 };
const model = { config, rotation: createRotation(config) };

test('the gradient of every parameter agrees with a numerical derivative', () => {
  const parameters = initialParameters(config, seededRandom(3));
  // Embeddings as large as they are after training: a norm of tiny numbers bends too much for a numerical derivative.
  const table = weight(parameters, embedding);
  table.forEach((value, i) => (table[i] = value * 15));
  const batch = packBatch([
    { tokens: [1, 2, 3, 4, 5], weights: [0, 1, 0, 2, 1] },
    { tokens: [6, 7, 6, 9], weights: [1, 1, 1, 0.5] },
  ]);
  const gradients = zerosLike(parameters);
  backpropagate(parameters, batch, { ...model, gradients });

  for (const [name, { data }] of parameters) {
    const analytic = gradients.get(name)?.data ?? new Float32Array();
    const largest = analytic.reduce((max, value) => Math.max(max, Math.abs(value)), 0);
    expect(largest).toBeGreaterThan(0);
    for (let i = 0; i < data.length; i += 5) {
      const value = data[i] as number;
      const nudge = 4e-3;
      data[i] = value + nudge;
      const above = evaluate(parameters, batch, model).loss;
      data[i] = value - nudge;
      const below = evaluate(parameters, batch, model).loss;
      data[i] = value;
      const numeric = (above - below) / (2 * nudge);
      expect(Math.abs(numeric - (analytic[i] as number))).toBeLessThan(0.02 * largest + 1e-4);
    }
  }
});
