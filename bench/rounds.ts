/** A measurement beside its reference, taken in turns so that both see the same machine. Values are "higher is better" or times. */
export interface Comparison {
  readonly name: string;
  readonly unit: string;
  readonly ours: number;
  readonly reference: number;
  /** Ours to the reference, or for times the reference to ours: above 1 is better in both cases. Median of the rounds. */
  readonly ratio: number;
  readonly goal: number;
}

interface RoundsOptions {
  readonly name: string;
  readonly unit: string;
  readonly goal: number;
  readonly rounds: number;
  readonly better: 'higher' | 'lower';
  readonly ours: () => Promise<number>;
  readonly reference: () => Promise<number>;
}

/** One round of warm-up, then `rounds` rounds of reference and ours in turn. */
export async function compare({
  name,
  unit,
  goal,
  rounds,
  better,
  ours,
  reference,
}: RoundsOptions): Promise<Comparison> {
  const pairs: { ours: number; reference: number }[] = [];
  for (let round = 0; round <= rounds; round += 1) {
    // The order changes with each round, so that neither always comes after the other.
    const first = round % 2 === 0 ? await reference() : await ours();
    const second = round % 2 === 0 ? await ours() : await reference();
    const pair = round % 2 === 0 ? { reference: first, ours: second } : { reference: second, ours: first };
    if (round > 0) pairs.push(pair);
  }
  const ratio = (pair: { ours: number; reference: number }): number =>
    better === 'higher' ? pair.ours / pair.reference : pair.reference / pair.ours;
  return {
    name,
    unit,
    goal,
    ours: median(pairs.map((pair) => pair.ours)),
    reference: median(pairs.map((pair) => pair.reference)),
    ratio: median(pairs.map(ratio)),
  };
}

export function median(values: readonly number[]): number {
  return quantile(values, 0.5);
}

export function quantile(values: readonly number[], q: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * q))] ?? Number.NaN;
}
