import { EngineError } from '@llm-engine/contracts';
import { CommandError } from '../command-error.ts';
import { StartError } from '../engine/start-error.ts';
import { EXIT } from '../exit-codes.ts';
import type { ExitCode } from '../exit-codes.ts';
import type { Terminal } from './terminal.ts';

/** Tells an error on standard error; answers with the exit code. What nobody foresaw is told with its stack. */
export function reportError(error: unknown, terminal: Terminal, json: boolean): ExitCode {
  const { code, message, exitCode } = explain(error);
  if (json) terminal.note(JSON.stringify({ error: { code, message } }));
  else terminal.note(`${terminal.paintNote.red('error')} ${terminal.paintNote.dim(code)}: ${message}`);
  return exitCode;
}

function explain(error: unknown): { readonly code: string; readonly message: string; readonly exitCode: ExitCode } {
  if (error instanceof CommandError) return error;
  if (error instanceof StartError) {
    return {
      code: error.code,
      message: error.message,
      exitCode: error.code === 'invalid_setting' ? EXIT.usage : EXIT.failed,
    };
  }
  if (error instanceof EngineError) {
    return {
      code: error.code,
      message: error.message,
      exitCode: error.code === 'invalid_config' ? EXIT.usage : EXIT.failed,
    };
  }
  const message = error instanceof Error ? (error.stack ?? error.message) : String(error);
  return { code: 'internal_error', message, exitCode: EXIT.failed };
}
