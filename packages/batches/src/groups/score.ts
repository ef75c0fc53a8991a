/** What the metric of a group says of a result: the number at that path, such as `usage.total_tokens`; null where there is none. */
export function scoreOf(result: unknown, path: string): number | null {
  let value = result;
  for (const name of path.split('.')) {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, name)) return null;
    value = (value as Readonly<Record<string, unknown>>)[name];
  }
  return typeof value === 'number' && Number.isFinite(value) ? value : null;
}
