import { Command, CommanderError } from 'commander';
import { addBatch } from './commands/batch.ts';
import { addBatches } from './commands/batches.ts';
import { addCancel } from './commands/cancel.ts';
import type { CommandContext } from './commands/context.ts';
import { addFiles } from './commands/files.ts';
import { addHealth } from './commands/health.ts';
import { addJobs } from './commands/jobs.ts';
import { addModels } from './commands/models.ts';
import { addRetry } from './commands/retry.ts';
import { addSubmit } from './commands/submit.ts';
import { addUp } from './commands/up.ts';
import { addValidate } from './commands/validate.ts';
import { addWatch } from './commands/watch.ts';
import { EXIT } from './exit-codes.ts';
import { reportError } from './output/report-error.ts';
import { Terminal } from './output/terminal.ts';
import { VERSION } from './version.ts';

const COMMANDS = [
  addUp,
  addSubmit,
  addJobs,
  addWatch,
  addCancel,
  addRetry,
  addBatch,
  addBatches,
  addFiles,
  addValidate,
  addModels,
  addHealth,
];

const HELP = `
Commands find the engine by --url or LLM_ENGINE_URL, else by the home (LLM_ENGINE_HOME), else at http://127.0.0.1:8080.

Exit codes: 0 done · 1 the job or batch failed, the engine refused or is not healthy, or a file is wrong ·
            2 wrong command line or setting · 3 no engine answers, try again later ·
            4 the batch completed, but lines of it failed · 130 Ctrl-C`;

/** Runs one command line; resolves with its exit code. */
export async function runProgram(args: readonly string[]): Promise<number> {
  const terminal = new Terminal({ stdout: process.stdout, stderr: process.stderr, env: process.env });
  let exitCode: number = EXIT.ok;
  const context: CommandContext = {
    terminal,
    env: process.env,
    run: async ({ json = false }, action) => {
      try {
        exitCode = await action();
      } catch (error) {
        exitCode = reportError(error, terminal, json);
      }
    },
  };

  const program = new Command('llm-engine')
    .description('Runs language-model work as durable jobs.')
    .version(VERSION)
    .addHelpText('after', HELP)
    .showHelpAfterError('(llm-engine --help lists commands and options)')
    .exitOverride()
    .configureOutput({ writeOut: (text) => terminal.write(text), writeErr: (text) => terminal.note(text.trimEnd()) });
  for (const add of COMMANDS) add(program, context);
  try {
    await program.parseAsync([...args], { from: 'user' });
  } catch (error) {
    // Commander has said what is wrong; help and version end here too, with 0.
    if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.ok : EXIT.usage;
    throw error;
  }
  return exitCode;
}
