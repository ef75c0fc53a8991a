import type { KeyValueCache } from './key-value-cache.ts';

/** One text on its way to a vector: the mean of the final states of its tokens. */
export interface TextEmbedding {
  readonly kind: 'embedding';
  readonly owner: number;
  readonly cache: KeyValueCache;
  pending: readonly number[];
  readonly sum: Float64Array;
  readonly onFinish: (vector: Float32Array) => void;
}

export function createTextEmbedding({
  width,
  ...rest
}: Pick<TextEmbedding, 'owner' | 'cache' | 'pending' | 'onFinish'> & { readonly width: number }): TextEmbedding {
  return { kind: 'embedding', ...rest, sum: new Float64Array(width) };
}

/** Takes the states of the tokens just read, [rows, width]. */
export function addStates({ sum }: TextEmbedding, states: Float32Array): void {
  for (let i = 0; i < states.length; i++) sum[i % sum.length] = (sum[i % sum.length] as number) + (states[i] as number);
}

/** Scaled to length one, so that a dot product is the cosine. The number of tokens falls out. */
export function finishEmbedding({ sum, onFinish }: TextEmbedding): void {
  const length = Math.hypot(...sum) || 1;
  onFinish(Float32Array.from(sum, (value) => value / length));
}
