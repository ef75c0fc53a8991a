import { standardNormal } from './random.ts';
import type { Random } from './random.ts';

/** How long something takes. All in milliseconds; never less than zero. */
export type Latency =
  | { readonly kind: 'fixed'; readonly ms: number }
  | { readonly kind: 'uniform'; readonly minMs: number; readonly maxMs: number }
  | { readonly kind: 'normal'; readonly meanMs: number; readonly deviationMs: number }
  /** Most are near the median, a few far above it: the shape of real model servers. `sigma` is the deviation of the logarithm. */
  | { readonly kind: 'lognormal'; readonly medianMs: number; readonly sigma: number };

export function drawLatency(latency: Latency, random: Random): number {
  return Math.max(0, draw(latency, random));
}

function draw(latency: Latency, random: Random): number {
  if (latency.kind === 'fixed') return latency.ms;
  if (latency.kind === 'uniform') return latency.minMs + (latency.maxMs - latency.minMs) * random();
  if (latency.kind === 'normal') return latency.meanMs + latency.deviationMs * standardNormal(random);
  return latency.medianMs * Math.exp(latency.sigma * standardNormal(random));
}
