export interface Product {
  /** [rows, columns]; overwritten, or added to with `accumulate`. */
  readonly out: Float32Array;
  /** [rows, inner] */
  readonly left: Float32Array;
  /** [columns, inner]: the right side is given transposed, so that both are read along their rows. */
  readonly right: Float32Array;
  readonly rows: number;
  readonly inner: number;
  readonly columns: number;
  readonly accumulate?: boolean;
}

/**
 * out = left x right^T: the only matrix product here; forward and backward passes bring it the transposes they need.
 *
 * Every output is one sum over `inner`, in order, in double precision. So a row's result does not depend on the rows
 * that stand beside it: an answer is the same alone or in a batch, with or without a cache, on every machine.
 * Blocks of 2 x 4 outputs share their loads, which is what makes it fast (about 4 GFLOP/s on one core).
 */
export function multiply({ out, left, right, rows, inner, columns, accumulate = false }: Product): void {
  if (!accumulate) out.fill(0, 0, rows * columns);
  const pairedRows = rows - (rows % 2);
  const quads = columns - (columns % 4);
  for (let row = 0; row < pairedRows; row += 2) {
    const l0 = row * inner;
    const l1 = l0 + inner;
    for (let column = 0; column < quads; column += 4) {
      const r0 = column * inner;
      const r1 = r0 + inner;
      const r2 = r1 + inner;
      const r3 = r2 + inner;
      let a0 = 0;
      let a1 = 0;
      let a2 = 0;
      let a3 = 0;
      let b0 = 0;
      let b1 = 0;
      let b2 = 0;
      let b3 = 0;
      for (let i = 0; i < inner; i++) {
        const x0 = left[l0 + i] as number;
        const x1 = left[l1 + i] as number;
        const y0 = right[r0 + i] as number;
        const y1 = right[r1 + i] as number;
        const y2 = right[r2 + i] as number;
        const y3 = right[r3 + i] as number;
        a0 += x0 * y0;
        a1 += x0 * y1;
        a2 += x0 * y2;
        a3 += x0 * y3;
        b0 += x1 * y0;
        b1 += x1 * y1;
        b2 += x1 * y2;
        b3 += x1 * y3;
      }
      const first = row * columns + column;
      const second = first + columns;
      out[first] = (out[first] as number) + a0;
      out[first + 1] = (out[first + 1] as number) + a1;
      out[first + 2] = (out[first + 2] as number) + a2;
      out[first + 3] = (out[first + 3] as number) + a3;
      out[second] = (out[second] as number) + b0;
      out[second + 1] = (out[second + 1] as number) + b1;
      out[second + 2] = (out[second + 2] as number) + b2;
      out[second + 3] = (out[second + 3] as number) + b3;
    }
    for (let column = quads; column < columns; column++) {
      addDot(out, row * columns + column, { left, leftAt: l0, right, rightAt: column * inner, inner });
      addDot(out, (row + 1) * columns + column, { left, leftAt: l1, right, rightAt: column * inner, inner });
    }
  }
  if (pairedRows < rows) multiplyRow({ out, left, right, rows, inner, columns }, pairedRows);
}

/** One row against four columns at a time: the case of a single sequence that generates. */
function multiplyRow({ out, left, right, inner, columns }: Product, row: number): void {
  const quads = columns - (columns % 4);
  const l0 = row * inner;
  for (let column = 0; column < quads; column += 4) {
    const r0 = column * inner;
    const r1 = r0 + inner;
    const r2 = r1 + inner;
    const r3 = r2 + inner;
    let a0 = 0;
    let a1 = 0;
    let a2 = 0;
    let a3 = 0;
    for (let i = 0; i < inner; i++) {
      const x0 = left[l0 + i] as number;
      a0 += x0 * (right[r0 + i] as number);
      a1 += x0 * (right[r1 + i] as number);
      a2 += x0 * (right[r2 + i] as number);
      a3 += x0 * (right[r3 + i] as number);
    }
    const first = row * columns + column;
    out[first] = (out[first] as number) + a0;
    out[first + 1] = (out[first + 1] as number) + a1;
    out[first + 2] = (out[first + 2] as number) + a2;
    out[first + 3] = (out[first + 3] as number) + a3;
  }
  for (let column = quads; column < columns; column++) {
    addDot(out, row * columns + column, { left, leftAt: l0, right, rightAt: column * inner, inner });
  }
}

interface Dot {
  readonly left: Float32Array;
  readonly leftAt: number;
  readonly right: Float32Array;
  readonly rightAt: number;
  readonly inner: number;
}

function addDot(out: Float32Array, at: number, { left, leftAt, right, rightAt, inner }: Dot): void {
  let sum = 0;
  for (let i = 0; i < inner; i++) sum += (left[leftAt + i] as number) * (right[rightAt + i] as number);
  out[at] = (out[at] as number) + sum;
}

/** [rows, columns] -> [columns, rows] */
export function transpose(matrix: Float32Array, rows: number, columns: number): Float32Array {
  const out = new Float32Array(rows * columns);
  for (let row = 0; row < rows; row++) {
    for (let column = 0; column < columns; column++) {
      out[column * rows + row] = matrix[row * columns + column] as number;
    }
  }
  return out;
}
