import { multiply } from './matrix.ts';

/** y = x W^T, for [rows, inputs] and W of [outputs, inputs]. */
export function linear(input: Float32Array, matrix: Float32Array, rows: number): Float32Array {
  const inner = input.length / rows;
  const columns = matrix.length / inner;
  const out = new Float32Array(rows * columns);
  multiply({ out, left: input, right: matrix, rows, inner, columns });
  return out;
}

const epsilon = 1e-5;

/** One over the root mean square of a row: what the norm multiplies by, and its backward pass needs again. */
export function inverseRootMeanSquare(input: Float32Array, row: number, width: number): number {
  let sum = 0;
  for (let i = row * width; i < (row + 1) * width; i++) sum += (input[i] as number) ** 2;
  return 1 / Math.sqrt(sum / width + epsilon);
}

export function rmsNorm(input: Float32Array, gain: Float32Array): Float32Array {
  const width = gain.length;
  const out = new Float32Array(input.length);
  for (let row = 0; row * width < input.length; row++) {
    const scale = inverseRootMeanSquare(input, row, width);
    for (let i = 0; i < width; i++) {
      out[row * width + i] = (input[row * width + i] as number) * scale * (gain[i] as number);
    }
  }
  return out;
}

export function add(target: Float32Array, addend: Float32Array): void {
  for (let i = 0; i < target.length; i++) target[i] = (target[i] as number) + (addend[i] as number);
}

export function sigmoid(x: number): number {
  return 1 / (1 + Math.exp(-x));
}

/** SwiGLU: silu(gate) * up. */
export function gated(gate: Float32Array, up: Float32Array): Float32Array {
  const out = new Float32Array(gate.length);
  for (let i = 0; i < out.length; i++) {
    const x = gate[i] as number;
    out[i] = x * sigmoid(x) * (up[i] as number);
  }
  return out;
}

/** The embedding of each token, one a row. */
export function embed(tokens: ArrayLike<number>, table: Float32Array, width: number): Float32Array {
  const out = new Float32Array(tokens.length * width);
  for (let row = 0; row < tokens.length; row++) {
    const token = tokens[row] as number;
    out.set(table.subarray(token * width, (token + 1) * width), row * width);
  }
  return out;
}
