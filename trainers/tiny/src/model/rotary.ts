/** Rotary positions (RoPE), in the half-split layout of Llama: number i of a head turns with number i + half. */
export interface Rotation {
  readonly heads: number;
  readonly headWidth: number;
  /** [positions, headWidth / 2] */
  readonly cosine: Float32Array;
  readonly sine: Float32Array;
}

const base = 10_000;

export function createRotation(config: { width: number; heads: number; context: number }): Rotation {
  const headWidth = config.width / config.heads;
  const half = headWidth / 2;
  const cosine = new Float32Array(config.context * half);
  const sine = new Float32Array(config.context * half);
  for (let position = 0; position < config.context; position++) {
    for (let i = 0; i < half; i++) {
      const angle = position * base ** (-i / half);
      cosine[position * half + i] = Math.cos(angle);
      sine[position * half + i] = Math.sin(angle);
    }
  }
  return { heads: config.heads, headWidth, cosine, sine };
}

/** Turns one row in place; `direction` -1 turns it back, which is also its gradient. */
export function rotateRow(
  vectors: Float32Array,
  rotation: Rotation,
  at: { readonly row: number; readonly position: number; readonly direction: 1 | -1 },
): void {
  const { heads, headWidth, cosine, sine } = rotation;
  const half = headWidth / 2;
  for (let head = 0; head < heads; head++) {
    const start = (at.row * heads + head) * headWidth;
    for (let i = 0; i < half; i++) {
      const c = cosine[at.position * half + i] as number;
      const s = (sine[at.position * half + i] as number) * at.direction;
      const x = vectors[start + i] as number;
      const y = vectors[start + half + i] as number;
      vectors[start + i] = x * c - y * s;
      vectors[start + half + i] = x * s + y * c;
    }
  }
}
