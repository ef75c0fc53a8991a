import { INFERENCE_ENDPOINTS } from '@llm-engine/contracts';
import type { InferenceEndpoint } from '@llm-engine/contracts';
import { Option } from 'commander';
import type { Command } from 'commander';
import type { CommandContext } from './context.ts';
import { parseCount } from './parse-count.ts';

export interface ValidateFlags {
  readonly endpoint?: InferenceEndpoint;
  readonly maxLines?: number;
  readonly json?: boolean;
}

const HELP = `
Needs no engine. Ends with 0 when the file can be run as a batch, and with 1 when a line of it is wrong.

Examples:
  $ llm-engine validate requests.jsonl
  $ generate-requests | llm-engine validate - --json`;

export function addValidate(program: Command, context: CommandContext): void {
  program
    .command('validate <file>')
    .description('Find every wrong line of a batch file; - for standard input')
    .addOption(
      new Option('--endpoint <path>', 'what every line must ask for; what the first asks for where not given').choices(
        INFERENCE_ENDPOINTS,
      ),
    )
    .option('--max-lines <count>', 'requests that the engine takes in a file; 50000 where not given', parseCount)
    .option('--json', 'print JSON on standard output and nothing else')
    .addHelpText('after', HELP)
    .action((file: string, flags: ValidateFlags) =>
      context.run(flags, async () => {
        // Loaded only now: other commands have no use for the schemas of batch files.
        const { runValidate } = await import('./run-validate.ts');
        return runValidate(file, flags, context);
      }),
    );
}
