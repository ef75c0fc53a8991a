import { expect, test } from 'vitest';
import { seededRandom } from '../random.ts';
import { createTokenizer } from '../tokenizer/tokenizer.ts';
import { decodeModel, encodeModel } from './model-file.ts';
import { initialParameters } from './parameters.ts';
import { decodeTensors, encodeTensors } from './safetensors.ts';

const tensors = new Map([['a', { shape: [2, 2], data: Float32Array.of(1, -0.1, 6.55, 1e-20) }]]);

test('full precision keeps every bit', () => {
  const file = encodeTensors({ tensors, metadata: { note: 'x' } }, 'F32');
  expect(decodeTensors(file)).toEqual({ tensors, metadata: { note: 'x' } });
});

test('half precision keeps a number to within one part in 256', () => {
  const { data } = decodeTensors(encodeTensors({ tensors, metadata: {} }, 'BF16')).tensors.get('a') ?? { data: [] };
  [1, -0.1, 6.55, 1e-20].forEach((value, i) => {
    expect(Math.abs((data[i] ?? 0) / value - 1)).toBeLessThan(1 / 256);
  });
});

test('a cut file is refused', () => {
  const file = encodeTensors({ tensors, metadata: {} }, 'F32');
  expect(() => decodeTensors(file.subarray(0, 20))).toThrow('ends within');
  expect(() => decodeTensors(file.subarray(0, file.length - 4))).toThrow('does not fit');
});

test('a model comes back from its file, and a foreign one is refused by name', () => {
  const config = { vocabularySize: 261, width: 8, layers: 1, heads: 2, hiddenWidth: 8, context: 8 };
  const model = { config, tokenizer: createTokenizer([]), parameters: initialParameters(config, seededRandom(1)) };
  expect(decodeModel(encodeModel(model, 'F32')).parameters).toEqual(model.parameters);
  const wider = encodeModel({ ...model, config: { ...config, hiddenWidth: 16 } }, 'F32');
  expect(() => decodeModel(wider)).toThrow('gate_proj');
});
