/** The fields of Redis's `INFO` by name. */
export type RedisInfo = ReadonlyMap<string, string>;

export function parseRedisInfo(text: string): RedisInfo {
  const fields = new Map<string, string>();
  for (const line of text.split(/\r?\n/)) {
    const colon = line.indexOf(':');
    if (colon > 0 && !line.startsWith('#')) fields.set(line.slice(0, colon), line.slice(colon + 1));
  }
  return fields;
}

/** Undefined where the server does not say, as some managed ones do not. */
export function numberIn(info: RedisInfo, field: string): number | undefined {
  const text = info.get(field);
  if (text === undefined || text === '') return undefined;
  const value = Number(text);
  return Number.isFinite(value) ? value : undefined;
}
