const SECOND = 1_000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

/** `850 ms`, `1.24 s`, `3 m 20 s`, `2 h 5 m`, `3 d 4 h`: two figures that a person can use. */
export function formatDuration(ms: number): string {
  if (ms < SECOND) return `${Math.round(ms)} ms`;
  if (ms < 10 * SECOND) return `${(ms / SECOND).toFixed(2)} s`;
  if (ms < MINUTE) return `${(ms / SECOND).toFixed(1)} s`;
  if (ms < HOUR) return twoUnits(ms, [MINUTE, 'm'], [SECOND, 's']);
  if (ms < DAY) return twoUnits(ms, [HOUR, 'h'], [MINUTE, 'm']);
  return twoUnits(ms, [DAY, 'd'], [HOUR, 'h']);
}

/** `< 1 s`, `42 s`, `3 m 20 s`: of what is known to the second. */
export function formatSeconds(ms: number): string {
  if (ms < SECOND) return '< 1 s';
  return ms < MINUTE ? `${Math.round(ms / SECOND)} s` : formatDuration(ms);
}

/** A time in Unix seconds, and how far it is from now (Unix milliseconds); undefined for none. */
export function moment(seconds: number | null, now: number): string | undefined {
  if (seconds === null) return undefined;
  const distance = now - seconds * 1_000;
  const words = distance >= 0 ? `${formatDuration(distance)} ago` : `in ${formatDuration(-distance)}`;
  return `${new Date(seconds * 1_000).toISOString()}  (${words})`;
}

type Unit = readonly [ms: number, name: string];

function twoUnits(ms: number, [large, largeName]: Unit, [small, smallName]: Unit): string {
  const count = Math.floor(ms / large);
  const rest = Math.floor((ms % large) / small);
  return rest === 0 ? `${count} ${largeName}` : `${count} ${largeName} ${rest} ${smallName}`;
}

const UNITS: Readonly<Record<string, number>> = { ms: 1, s: SECOND, m: MINUTE, h: HOUR, d: DAY };

/** `500ms`, `5s`, `1.5h`, in milliseconds; undefined for anything else. */
export function parseDuration(text: string): number | undefined {
  const [, amount, unit] = /^(\d+(?:\.\d+)?)(ms|s|m|h|d)$/.exec(text.trim()) ?? [];
  const factor = unit === undefined ? undefined : UNITS[unit];
  return amount === undefined || factor === undefined ? undefined : Math.round(Number(amount) * factor);
}
