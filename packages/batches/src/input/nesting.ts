/**
 * How deep a request may be nested. It is parsed without recursion here, but whatever writes it again recurses, and so do the
 * parsers of model servers: some refuse more than 128 levels.
 */
export const MAX_LEVELS = 128;

/** Whether objects and lists lie in one another deeper than so many levels. */
export function isDeeperThan(value: unknown, levels: number): boolean {
  if (typeof value !== 'object' || value === null) return false;
  if (levels === 0) return true;
  if (Array.isArray(value)) return value.some((entry) => isDeeperThan(entry, levels - 1));
  for (const key in value) {
    if (isDeeperThan((value as Record<string, unknown>)[key], levels - 1)) return true;
  }
  return false;
}
