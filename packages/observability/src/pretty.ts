/** Fields that every line has, and that a person at a terminal need not read again and again. */
const COMMON = new Set(['level', 'time', 'service', 'version', 'pid', 'host', 'msg', 'err']);

/** One log record as a line for a person: time, level, service, message, then `key=value`. */
export function pretty(record: Readonly<Record<string, unknown>>): string {
  const { level, time, service, msg, err } = record;
  const fields = Object.entries(record)
    .filter(([key]) => !COMMON.has(key))
    .map(([key, value]) => `${key}=${plain(value)}`);
  const head = [String(time).slice(11, 23), String(level).toUpperCase().padEnd(5), `[${String(service)}]`];
  const line = [...head, plain(msg ?? ''), ...fields].join(' ');
  return err === undefined ? `${line}\n` : `${line}\n    ${errorText(err)}\n`;
}

function plain(value: unknown): string {
  return typeof value === 'string' ? value : JSON.stringify(value);
}

function errorText(err: unknown): string {
  if (typeof err !== 'object' || err === null) return plain(err);
  const { stack, message, cause } = err as { stack?: unknown; message?: unknown; cause?: unknown };
  const text = plain(stack ?? message).replaceAll('\n', '\n    ');
  return cause === undefined ? text : `${text}\n    caused by: ${errorText(cause)}`;
}
