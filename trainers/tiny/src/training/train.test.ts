import { expect, test } from 'vitest';
import { initialParameters, type Parameters } from '../model/parameters.ts';
import { seededRandom } from '../random.ts';
import { learningRateAt, planBatches } from './schedule.ts';
import { startTraining, train, type TrainingOptions } from './train.ts';

const config = { vocabularySize: 20, width: 16, layers: 1, heads: 2, hiddenWidth: 16, context: 16 };
const sequences = [
  { tokens: [1, 5, 6, 7, 8], weights: [0, 1, 1, 1, 1] },
  { tokens: [2, 8, 7, 6, 5], weights: [0, 1, 1, 1, 1] },
  { tokens: [3, 9, 9, 4, 4, 2], weights: [0, 0, 1, 1, 1, 1] },
];
const options: TrainingOptions = {
  config,
  sequences,
  epochs: 40,
  tokensPerBatch: 10,
  learningRate: 0.01,
  weightDecay: 0.01,
  seed: 1,
};

function fresh(): Parameters {
  return initialParameters(config, seededRandom(2));
}

test('training lowers the loss, and the same run gives the same bits', () => {
  const states = [startTraining(fresh()), startTraining(fresh())] as const;
  const [first, second] = states.map((state) => Array.from(train(state, options), ({ loss }) => loss));
  expect(first?.[0]).toBeGreaterThan(2.5);
  expect(first?.at(-1)).toBeLessThan(0.3);
  expect(second).toEqual(first);
  expect(states[1].parameters).toEqual(states[0].parameters);
});

test('a run that goes on from a state in its middle ends with the same bits', () => {
  const whole = startTraining(fresh());
  for (const _ of train(whole, options));

  const half = startTraining(fresh());
  for (const { step } of train(half, options)) if (step === 11) break;
  for (const _ of train({ ...half, step: 11 }, options));

  expect(half.parameters).toEqual(whole.parameters);
});

test('every sequence is in one batch of each epoch, in an order that the seed decides', () => {
  const plan = planBatches(sequences, { epochs: 2, tokensPerBatch: 10, seed: 1 });
  expect(plan.flat().toSorted((a, b) => a - b)).toEqual([0, 0, 1, 1, 2, 2]);
  expect(planBatches(sequences, { epochs: 2, tokensPerBatch: 10, seed: 1 })).toEqual(plan);
});

test('the learning rate rises to its peak and falls to a hundredth', () => {
  const rate = (step: number) => learningRateAt(step, { peak: 1, steps: 1000 });
  expect(rate(50)).toBeCloseTo(0.5);
  expect(rate(100)).toBe(1);
  expect(rate(1000)).toBeCloseTo(0.01);
});
