import type { ExitCode } from '../exit-codes.ts';
import type { Terminal } from '../output/terminal.ts';

/** What every command is given. */
export interface CommandContext {
  readonly terminal: Terminal;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Ends the command with its exit code; an error is told on standard error. */
  run(flags: { readonly json?: boolean }, action: () => Promise<ExitCode>): Promise<void>;
}
