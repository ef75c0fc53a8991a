import { readFile } from 'node:fs/promises';
import { EngineError } from '@llm-engine/contracts';
import { LineCounter, parseDocument } from 'yaml';
import { describeProblems, schemaProblems } from './problems.ts';
import type { ConfigProblem } from './problems.ts';
import { engineConfig } from './schema.ts';
import type { EngineConfig, EngineConfigInput } from './schema.ts';

/** Reads an engine.yaml. Every problem in it is reported at once, as an `invalid_config` error. */
export async function loadEngineConfig(path: string): Promise<EngineConfig> {
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new EngineError('invalid_config', `The model configuration ${path} cannot be read: ${reason}.`, { cause });
  }
  return parseEngineConfig(text, path);
}

/** `sourceName` stands before each problem, where the file's name belongs. */
export function parseEngineConfig(text: string, sourceName: string): EngineConfig {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false, stringKeys: true });
  if (document.errors.length > 0) {
    throw invalid(
      sourceName,
      document.errors.map(({ message, pos }) => ({ line: lines.linePos(pos[0]).line, path: '', message })),
    );
  }
  const value: unknown = document.toJS() ?? {};
  const parsed = engineConfig.safeParse(value);
  if (parsed.success) return parsed.data;
  throw invalid(sourceName, schemaProblems(parsed.error, { value, document, lines }));
}

/** A configuration from code, written as in the file; what it leaves out has its default. */
export function defineEngineConfig(input: EngineConfigInput): EngineConfig {
  const parsed = engineConfig.safeParse(input);
  if (parsed.success) return parsed.data;
  throw invalid(
    'The model configuration',
    schemaProblems(parsed.error, { value: input, document: undefined, lines: undefined }),
  );
}

function invalid(source: string, problems: readonly ConfigProblem[]): EngineError {
  return new EngineError('invalid_config', describeProblems(source, problems));
}
