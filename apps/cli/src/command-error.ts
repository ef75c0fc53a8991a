import { EXIT } from './exit-codes.ts';
import type { ExitCode } from './exit-codes.ts';

/** Ends a command. The message is for a person and says what to do next; the code is for a script. */
export class CommandError extends Error {
  override readonly name = 'CommandError';
  readonly code: string;
  readonly exitCode: ExitCode;

  constructor(code: string, message: string, { exitCode = EXIT.failed, ...rest }: CommandErrorOptions = {}) {
    super(message, rest);
    this.code = code;
    this.exitCode = exitCode;
  }
}

interface CommandErrorOptions extends ErrorOptions {
  /** Default `failed`. */
  readonly exitCode?: ExitCode;
}

export function usageError(message: string): CommandError {
  return new CommandError('usage', message, { exitCode: EXIT.usage });
}
