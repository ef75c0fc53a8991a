/**
 * The start of a value that is not taken: each list in it is cut to as few entries as leave it not taken. What is wrong with
 * the start is wrong with the whole, so long as `takes` asks the same of every entry of a list.
 */
export function narrow(value: unknown, takes: (value: unknown) => boolean): unknown {
  const enough = longestList(value);
  let taken = 0;
  let refused = 1;
  while (refused < enough && takes(cut(value, refused))) {
    taken = refused;
    refused *= 2;
  }
  while (refused - taken > 1) {
    const middle = Math.floor((taken + refused) / 2);
    if (takes(cut(value, middle))) taken = middle;
    else refused = middle;
  }
  return cut(value, refused);
}

function cut(value: unknown, entries: number): unknown {
  if (typeof value !== 'object' || value === null) return value;
  if (Array.isArray(value)) return value.slice(0, entries).map((entry) => cut(entry, entries));
  return Object.fromEntries(Object.entries(value).map(([key, entry]) => [key, cut(entry, entries)]));
}

function longestList(value: unknown): number {
  if (typeof value !== 'object' || value === null) return 1;
  const entries: readonly unknown[] = Array.isArray(value) ? value : Object.values(value);
  const own = Array.isArray(value) ? value.length : 1;
  return entries.reduce<number>((longest, entry) => Math.max(longest, longestList(entry)), own);
}
