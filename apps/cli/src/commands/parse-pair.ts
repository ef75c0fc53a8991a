import { InvalidArgumentError } from 'commander';

/** One more value of an option that is given as key=value, as often as one likes. */
export function addPair(text: string, pairs: Readonly<Record<string, string>> = {}): Readonly<Record<string, string>> {
  const [, key, value] = /^([^=]+)=(.*)$/s.exec(text) ?? [];
  if (key === undefined || value === undefined) throw new InvalidArgumentError('It looks like key=value.');
  return { ...pairs, [key]: value };
}
