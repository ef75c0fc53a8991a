import { table } from './table.ts';
import type { Terminal } from './terminal.ts';

/** What is known of a thing, a line each. What is undefined is left out. */
export function factLines(
  facts: readonly (readonly [name: string, value: string | undefined])[],
  paint: Terminal['paint'],
): readonly string[] {
  return table(facts.flatMap(([name, value]) => (value === undefined ? [] : [[paint.dim(name), value]])));
}

export function pairs(metadata: Readonly<Record<string, string>>): string | undefined {
  const entries = Object.entries(metadata);
  return entries.length === 0 ? undefined : entries.map(([key, value]) => `${key}=${value}`).join(' ');
}
