import { multiply, transpose } from '../model/matrix.ts';
import { inverseRootMeanSquare, sigmoid } from '../model/operations.ts';

/** The backward pass of y = x W^T: adds to the gradient of W and, where given, to that of x. */
export function linearGradient({
  input,
  matrix,
  outputGradient,
  matrixGradient,
  inputGradient,
  rows,
}: {
  readonly input: Float32Array;
  readonly matrix: Float32Array;
  readonly outputGradient: Float32Array;
  readonly matrixGradient: Float32Array;
  readonly inputGradient: Float32Array;
  readonly rows: number;
}): void {
  const inputs = input.length / rows;
  const outputs = matrix.length / inputs;
  multiply({
    out: inputGradient,
    left: outputGradient,
    right: transpose(matrix, outputs, inputs),
    rows,
    inner: outputs,
    columns: inputs,
    accumulate: true,
  });
  multiply({
    out: matrixGradient,
    left: transpose(outputGradient, rows, outputs),
    right: transpose(input, rows, inputs),
    rows: outputs,
    inner: rows,
    columns: inputs,
    accumulate: true,
  });
}

/** Adds to the gradients of the norm's input and gain. */
export function rmsNormGradient({
  input,
  gain,
  outputGradient,
  gainGradient,
  inputGradient,
}: {
  readonly input: Float32Array;
  readonly gain: Float32Array;
  readonly outputGradient: Float32Array;
  readonly gainGradient: Float32Array;
  readonly inputGradient: Float32Array;
}): void {
  const width = gain.length;
  for (let row = 0; row * width < input.length; row++) {
    const scale = inverseRootMeanSquare(input, row, width);
    const start = row * width;
    let projection = 0;
    for (let i = 0; i < width; i++) {
      projection += (outputGradient[start + i] as number) * (gain[i] as number) * (input[start + i] as number);
    }
    const correction = (projection * scale ** 3) / width;
    for (let i = 0; i < width; i++) {
      const x = input[start + i] as number;
      const dy = outputGradient[start + i] as number;
      gainGradient[i] = (gainGradient[i] as number) + dy * x * scale;
      inputGradient[start + i] =
        (inputGradient[start + i] as number) + dy * (gain[i] as number) * scale - x * correction;
    }
  }
}

/** The gradients of silu(gate) * up, by its two inputs. */
export function gatedGradient(
  gate: Float32Array,
  up: Float32Array,
  outputGradient: Float32Array,
): { readonly gateGradient: Float32Array; readonly upGradient: Float32Array } {
  const gateGradient = new Float32Array(gate.length);
  const upGradient = new Float32Array(gate.length);
  for (let i = 0; i < gate.length; i++) {
    const x = gate[i] as number;
    const dy = outputGradient[i] as number;
    const s = sigmoid(x);
    gateGradient[i] = dy * (up[i] as number) * s * (1 + x * (1 - s));
    upGradient[i] = dy * x * s;
  }
  return { gateGradient, upGradient };
}

export interface AttentionRowGradient {
  readonly heads: number;
  readonly width: number;
  readonly row: number;
  readonly firstKey: number;
  readonly count: number;
  readonly probabilities: Float32Array;
  readonly probabilitiesAt: number;
  readonly queries: Float32Array;
  readonly keys: Float32Array;
  readonly values: Float32Array;
  readonly outputGradient: Float32Array;
  readonly queryGradient: Float32Array;
  readonly keyGradient: Float32Array;
  readonly valueGradient: Float32Array;
  /** Room for `count` numbers. */
  readonly scratch: Float64Array;
}

/** Adds what one row's attention contributes to the gradients of its query and of all keys and values it saw. */
export function attendGradient(options: AttentionRowGradient): void {
  const { heads, width, row, firstKey, count, probabilities, queries, keys, values, scratch } = options;
  const { outputGradient, queryGradient, keyGradient, valueGradient } = options;
  const headWidth = width / heads;
  const scale = 1 / Math.sqrt(headWidth);
  for (let head = 0; head < heads; head++) {
    const query = row * width + head * headWidth;
    const at = options.probabilitiesAt + head * count;
    let expected = 0;
    for (let j = 0; j < count; j++) {
      const value = (firstKey + j) * width + head * headWidth;
      const probability = probabilities[at + j] as number;
      let gradient = 0;
      for (let i = 0; i < headWidth; i++) {
        const dy = outputGradient[query + i] as number;
        gradient += dy * (values[value + i] as number);
        valueGradient[value + i] = (valueGradient[value + i] as number) + dy * probability;
      }
      scratch[j] = gradient;
      expected += gradient * probability;
    }
    for (let j = 0; j < count; j++) {
      const key = (firstKey + j) * width + head * headWidth;
      const score = (probabilities[at + j] as number) * ((scratch[j] as number) - expected) * scale;
      for (let i = 0; i < headWidth; i++) {
        queryGradient[query + i] = (queryGradient[query + i] as number) + score * (keys[key + i] as number);
        keyGradient[key + i] = (keyGradient[key + i] as number) + score * (queries[query + i] as number);
      }
    }
  }
}
