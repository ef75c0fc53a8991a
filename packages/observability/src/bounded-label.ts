import { OTHER } from './registry.ts';

/** A label whose values come from outside: the first `limit` different ones keep their names, the rest are `_OTHER`. */
export function boundedLabel(limit: number): (value: string) => string {
  const seen = new Set<string>();
  return (value) => {
    if (seen.has(value)) return value;
    if (seen.size >= limit) return OTHER;
    seen.add(value);
    return value;
  };
}
