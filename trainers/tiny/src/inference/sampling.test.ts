import { expect, test } from 'vitest';
import { seededRandom } from '../random.ts';
import { sample } from './sampling.ts';

const scores = Float32Array.of(0, 2, 1, -3);

function shares(options: { temperature: number; topP: number }): number[] {
  const random = seededRandom(1);
  const counts = [0, 0, 0, 0];
  for (let i = 0; i < 2000; i++) {
    const token = sample(scores, options, random);
    counts[token] = (counts[token] ?? 0) + 1 / 2000;
  }
  return counts;
}

test('temperature 0 takes the likeliest token', () => {
  expect(shares({ temperature: 0, topP: 1 })).toEqual([0, expect.closeTo(1, 6), 0, 0]);
});

test('tokens come as often as their probabilities say', () => {
  const powers = [...scores].map(Math.exp);
  const total = powers.reduce((sum, power) => sum + power, 0);
  shares({ temperature: 1, topP: 1 }).forEach((share, i) => {
    expect(Math.abs(share - (powers[i] ?? 0) / total)).toBeLessThan(0.03);
  });
});

test('top_p leaves out the unlikely tail', () => {
  const [first, , , last] = shares({ temperature: 1, topP: 0.8 });
  expect([first, last]).toEqual([0, 0]);
});
