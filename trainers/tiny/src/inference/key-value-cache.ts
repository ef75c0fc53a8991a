import type { ModelConfig } from '../model/config.ts';

/**
 * What one sequence keeps of the tokens it has seen: their keys and values in every layer. It grows as the sequence
 * does, and takes no room while the sequence waits for its first turn.
 */
export interface KeyValueCache {
  /** Tokens held. */
  length: number;
  readonly layers: LayerCache[];
}

export interface LayerCache {
  /** [capacity, width], positions already turned. */
  keys: Float32Array;
  values: Float32Array;
}

const firstCapacity = 64;

export function createCache(config: ModelConfig): KeyValueCache {
  return {
    length: 0,
    layers: Array.from({ length: config.layers }, () => ({ keys: new Float32Array(), values: new Float32Array() })),
  };
}

/** Makes room for `count` more tokens. */
export function reserve(cache: KeyValueCache, count: number, { width, context }: ModelConfig): void {
  const needed = (cache.length + count) * width;
  for (const layer of cache.layers) {
    if (layer.keys.length >= needed) continue;
    const capacity = Math.min(context * width, Math.max(needed, layer.keys.length * 2, firstCapacity * width));
    layer.keys = grown(layer.keys, capacity);
    layer.values = grown(layer.values, capacity);
  }
}

function grown(array: Float32Array, length: number): Float32Array {
  const larger = new Float32Array(length);
  larger.set(array);
  return larger;
}
