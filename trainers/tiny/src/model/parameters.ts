import { normal, type Random } from '../random.ts';
import type { ModelConfig } from './config.ts';

export interface Tensor {
  readonly shape: readonly number[];
  /** Row-major. */
  readonly data: Float32Array;
}

/**
 * Everything that training changes, by name, in a fixed order. Optimizer moments, gradients and low-rank deltas have the
 * same form, so that one reader, one writer and one loop serve them all.
 */
export type Parameters = ReadonlyMap<string, Tensor>;

/** Matrices are stored as [outputs, inputs], as PyTorch and safetensors do; the names are those of Llama. */
export function parameterShapes(config: ModelConfig): ReadonlyMap<string, readonly number[]> {
  const { width, hiddenWidth } = config;
  const shapes = new Map<string, readonly number[]>([[embedding, [config.vocabularySize, width]]]);
  for (let layer = 0; layer < config.layers; layer++) {
    const names = layerNames(layer);
    shapes.set(names.attentionNorm, [width]);
    shapes.set(names.query, [width, width]);
    shapes.set(names.key, [width, width]);
    shapes.set(names.value, [width, width]);
    shapes.set(names.output, [width, width]);
    shapes.set(names.feedForwardNorm, [width]);
    shapes.set(names.gate, [hiddenWidth, width]);
    shapes.set(names.up, [hiddenWidth, width]);
    shapes.set(names.down, [width, hiddenWidth]);
  }
  return shapes.set(finalNorm, [width]);
}

/** The embedding also serves as the output head (tied weights). */
export const embedding = 'model.embed_tokens.weight';
export const finalNorm = 'model.norm.weight';

export interface LayerNames {
  readonly attentionNorm: string;
  readonly query: string;
  readonly key: string;
  readonly value: string;
  readonly output: string;
  readonly feedForwardNorm: string;
  readonly gate: string;
  readonly up: string;
  readonly down: string;
}

export function layerNames(layer: number): LayerNames {
  const prefix = `model.layers.${layer}`;
  return {
    attentionNorm: `${prefix}.input_layernorm.weight`,
    query: `${prefix}.self_attn.q_proj.weight`,
    key: `${prefix}.self_attn.k_proj.weight`,
    value: `${prefix}.self_attn.v_proj.weight`,
    output: `${prefix}.self_attn.o_proj.weight`,
    feedForwardNorm: `${prefix}.post_attention_layernorm.weight`,
    gate: `${prefix}.mlp.gate_proj.weight`,
    up: `${prefix}.mlp.up_proj.weight`,
    down: `${prefix}.mlp.down_proj.weight`,
  };
}

export function weight(parameters: Parameters, name: string): Float32Array {
  const tensor = parameters.get(name);
  if (!tensor) throw new Error(`The weights lack "${name}": they belong to another model config.`);
  return tensor.data;
}

/** Norms start at one, matrices at small normal numbers; those that write to the residual stream start smaller. */
export function initialParameters(config: ModelConfig, random: Random): Parameters {
  const parameters = new Map<string, Tensor>();
  for (const [name, shape] of parameterShapes(config)) {
    const data = new Float32Array(elements(shape));
    const writesResidual = name.endsWith('o_proj.weight') || name.endsWith('down_proj.weight');
    const deviation =
      name === embedding ? 0.05 : 1 / Math.sqrt(shape[1] ?? 1) / (writesResidual ? Math.sqrt(2 * config.layers) : 1);
    for (let i = 0; i < data.length; i++) data[i] = shape.length === 1 ? 1 : deviation * normal(random);
    parameters.set(name, { shape, data });
  }
  return parameters;
}

export function zerosLike(parameters: Parameters): Parameters {
  return new Map(
    Array.from(parameters, ([name, { shape, data }]) => [name, { shape, data: new Float32Array(data.length) }]),
  );
}

export function parameterCount(parameters: Parameters): number {
  let count = 0;
  for (const { data } of parameters.values()) count += data.length;
  return count;
}

export function elements(shape: readonly number[]): number {
  return shape.reduce((product, size) => product * size, 1);
}
