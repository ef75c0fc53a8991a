import type { Random } from '../random.ts';

export interface SamplingOptions {
  /** 0 always takes the likeliest token. */
  readonly temperature: number;
  /** Only the likeliest tokens that together reach this probability are considered, 0 to 1. */
  readonly topP: number;
}

/** The next token, chosen by its score. */
export function sample(scores: Float32Array, { temperature, topP }: SamplingOptions, random: Random): number {
  if (temperature === 0 || topP === 0) return likeliest(scores);
  const candidates = ranked(scores, temperature);
  const kept = topP < 1 ? nucleus(candidates, topP) : candidates;
  const total = kept.reduce((sum, candidate) => sum + candidate.power, 0);
  let left = random() * total;
  for (const { token, power } of kept) {
    left -= power;
    if (left < 0) return token;
  }
  return kept[0]?.token ?? likeliest(scores);
}

function likeliest(scores: Float32Array): number {
  let best = 0;
  for (let i = 1; i < scores.length; i++) if ((scores[i] as number) > (scores[best] as number)) best = i;
  return best;
}

interface Candidate {
  readonly token: number;
  readonly power: number;
}

/** Less likely than this, relative to the likeliest, is never drawn: it spares sorting a tail that holds nothing. */
const negligible = 1e-6;

function ranked(scores: Float32Array, temperature: number): Candidate[] {
  const largest = scores[likeliest(scores)] as number;
  const candidates: Candidate[] = [];
  for (let token = 0; token < scores.length; token++) {
    const power = Math.exp(((scores[token] as number) - largest) / temperature);
    if (power >= negligible) candidates.push({ token, power });
  }
  return candidates.toSorted((a, b) => b.power - a.power || a.token - b.token);
}

function nucleus(candidates: readonly Candidate[], topP: number): Candidate[] {
  const total = candidates.reduce((sum, candidate) => sum + candidate.power, 0);
  let reached = 0;
  const end = candidates.findIndex((candidate) => (reached += candidate.power) >= topP * total);
  return candidates.slice(0, end < 0 ? candidates.length : end + 1);
}
