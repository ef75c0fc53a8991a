import type { IncomingHttpHeaders } from 'node:http';

/** How long the server asks us to wait, in milliseconds: `retry-after-ms`, or `retry-after` in seconds or as an HTTP date. */
export function retryAfterMs(headers: IncomingHttpHeaders, now: number): number | undefined {
  const ms = numberOf(headers['retry-after-ms']);
  if (ms !== undefined) return Math.round(ms);
  const value = headers['retry-after'];
  const seconds = numberOf(value);
  if (seconds !== undefined) return Math.round(seconds * 1000);
  if (value === undefined) return undefined;
  // A date begins with its weekday; Date.parse alone would take a negative number for a year.
  const date = /^[A-Za-z]{3}/.test(value) ? Date.parse(value) : Number.NaN;
  return Number.isNaN(date) ? undefined : Math.max(0, date - now);
}

function numberOf(value: string | string[] | undefined): number | undefined {
  if (typeof value !== 'string' || !/^\s*\d+(\.\d+)?\s*$/.test(value)) return undefined;
  return Number(value);
}
