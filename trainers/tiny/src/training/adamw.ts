import { zerosLike, type Parameters } from '../model/parameters.ts';

/** The optimizer's memory; with the parameters and the step number it is all that a resumed run needs. */
export interface AdamWState {
  readonly first: Parameters;
  readonly second: Parameters;
}

export interface AdamWStep {
  /** Counts from 1. */
  readonly step: number;
  readonly learningRate: number;
  /** Applied to matrices, not to norms. */
  readonly weightDecay: number;
  /** Gradients longer than this are scaled down to it. */
  readonly maxGradientNorm: number;
}

const beta1 = 0.9;
const beta2 = 0.98;
const epsilon = 1e-8;

export function createAdamW(parameters: Parameters): AdamWState {
  return { first: zerosLike(parameters), second: zerosLike(parameters) };
}

/** Moves the parameters one step against their gradients (AdamW), and clears the gradients. */
export function updateParameters(
  parameters: Parameters,
  gradients: Parameters,
  { first, second, ...options }: AdamWState & AdamWStep,
): void {
  const clip = Math.min(1, options.maxGradientNorm / gradientNorm(gradients));
  const correction1 = 1 - beta1 ** options.step;
  const correction2 = 1 - beta2 ** options.step;
  for (const [name, { shape, data }] of parameters) {
    const decay = shape.length > 1 ? 1 - options.learningRate * options.weightDecay : 1;
    const gradient = gradients.get(name)?.data;
    const m = first.get(name)?.data;
    const v = second.get(name)?.data;
    if (!gradient || !m || !v) throw new Error(`The optimizer state lacks "${name}": it belongs to another model.`);
    for (let i = 0; i < data.length; i++) {
      const g = (gradient[i] as number) * clip;
      const mean = beta1 * (m[i] as number) + (1 - beta1) * g;
      const square = beta2 * (v[i] as number) + (1 - beta2) * g * g;
      m[i] = mean;
      v[i] = square;
      const move = mean / correction1 / (Math.sqrt(square / correction2) + epsilon);
      data[i] = (data[i] as number) * decay - options.learningRate * move;
      gradient[i] = 0;
    }
  }
}

function gradientNorm(gradients: Parameters): number {
  let sum = 0;
  for (const { data } of gradients.values()) for (const value of data) sum += value * value;
  return Math.sqrt(sum);
}
