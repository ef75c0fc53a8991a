import { InvalidArgumentError } from 'commander';
import { parseDuration } from '../output/time.ts';

/** The value of an option that says how long, in milliseconds. */
export function parseTime(text: string): number {
  const ms = parseDuration(text);
  if (ms !== undefined) return ms;
  throw new InvalidArgumentError('It is a number with its unit: 500ms, 30s, 5m, 2h, 1d.');
}
