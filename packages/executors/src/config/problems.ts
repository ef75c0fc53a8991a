import { isMap, isScalar, isSeq } from 'yaml';
import type { Document, LineCounter } from 'yaml';
import type { z } from 'zod';
import { knownKeys } from './known-keys.ts';
import { engineConfig } from './schema.ts';
import { didYouMean } from './suggest.ts';

export interface ConfigProblem {
  /** Undefined where the text does not say it at all. */
  readonly line: number | undefined;
  /** Such as `models.llama-3-8b.timeout`; empty for the whole file. */
  readonly path: string;
  readonly message: string;
}

interface Source {
  /** What the text says, before it was checked. */
  readonly value: unknown;
  readonly document: Document | undefined;
  readonly lines: LineCounter | undefined;
}

/** Every issue of a check, each with its line and, for a wrong word, with the word that was probably meant. */
export function schemaProblems(error: z.ZodError, source: Source): readonly ConfigProblem[] {
  return error.issues.flatMap((issue) => {
    if (issue.code !== 'unrecognized_keys') return [problemAt(issue.path, describe(issue, source.value), source)];
    const known = knownKeys(engineConfig, issue.path, source.value);
    return issue.keys.map((key) => problemAt([...issue.path, key], unknownKey(key, known), source));
  });
}

/** One line a problem, in the order of the text. */
export function describeProblems(source: string, problems: readonly ConfigProblem[]): string {
  const count = problems.length === 1 ? 'a problem' : `${problems.length} problems`;
  const lines = problems
    .toSorted((a, b) => (a.line ?? 0) - (b.line ?? 0))
    .map(({ line, path, message }) => {
      const where = line === undefined ? source : `${source}:${line}`;
      return path === '' ? `  ${where}: ${message}` : `  ${where}: ${path}: ${message}`;
    });
  return `${source} has ${count}:\n${lines.join('\n')}`;
}

function problemAt(path: readonly PropertyKey[], message: string, source: Source): ConfigProblem {
  return { line: lineOf(path, source), path: formatPath(path), message };
}

function unknownKey(key: string, known: readonly string[]): string {
  const meant = didYouMean(key, known);
  if (meant !== undefined) return `is no option here; did you mean '${meant}'?`;
  return known.length === 0 ? 'is no option here' : `is no option here; the options are ${known.join(', ')}`;
}

function describe(issue: z.core.$ZodIssue, root: unknown): string {
  const value = issue.path.reduce<unknown>(
    (node, key) => (isIndexable(node) ? Reflect.get(node, key) : undefined),
    root,
  );
  if (issue.code === 'invalid_union' && issue.discriminator !== undefined && 'options' in issue) {
    return oneOf(value, (issue.options ?? []).map(String));
  }
  if (issue.code === 'invalid_value') return oneOf(value, issue.values.map(String));
  if (value === undefined && issue.code === 'invalid_type') {
    return issue.message.startsWith('must') ? `is missing; it ${issue.message}` : 'is missing';
  }
  if (issue.code === 'invalid_type' && issue.message.startsWith('Invalid input')) {
    return `must be ${EXPECTED.get(issue.expected) ?? issue.expected}`;
  }
  if (issue.code === 'too_small' && issue.message.startsWith('Too')) {
    return `must be ${issue.inclusive === true ? 'at least' : 'more than'} ${issue.minimum}`;
  }
  if (issue.code === 'too_big' && issue.message.startsWith('Too')) return `must be at most ${issue.maximum}`;
  return issue.message;
}

const EXPECTED: ReadonlyMap<string, string> = new Map([
  ['object', 'a mapping of options'],
  ['record', 'a mapping of names'],
  ['array', 'a list'],
  ['boolean', 'true or false'],
  ['int', 'a whole number'],
  ['number', 'a number'],
  ['string', 'a text'],
]);

function oneOf(value: unknown, options: readonly string[]): string {
  if (value === undefined) return `is missing; it must be one of ${options.join(', ')}`;
  const meant = typeof value === 'string' ? didYouMean(value, options) : undefined;
  return `must be one of ${options.join(', ')}${meant === undefined ? '' : `; did you mean '${meant}'?`}`;
}

function isIndexable(value: unknown): value is object {
  return typeof value === 'object' && value !== null;
}

function formatPath(path: readonly PropertyKey[]): string {
  return path.reduce<string>((text, key) => {
    if (typeof key === 'number') return `${text}[${key}]`;
    return text === '' ? String(key) : `${text}.${String(key)}`;
  }, '');
}

/** The line of the deepest part of the path that the text holds. */
function lineOf(path: readonly PropertyKey[], { document, lines }: Source): number | undefined {
  if (document === undefined || lines === undefined) return undefined;
  let node: unknown = document.contents;
  let offset: number | undefined;
  for (const key of path) {
    if (isMap(node)) {
      const pair = node.items.find((item) => isScalar(item.key) && String(item.key.value) === String(key));
      if (pair === undefined) break;
      if (isScalar(pair.key)) offset = pair.key.range?.[0] ?? offset;
      node = pair.value;
    } else if (isSeq(node) && typeof key === 'number') {
      node = node.items[key];
      if (isScalar(node) || isMap(node) || isSeq(node)) offset = node.range?.[0] ?? offset;
    }
  }
  return offset === undefined ? undefined : lines.linePos(offset).line;
}
