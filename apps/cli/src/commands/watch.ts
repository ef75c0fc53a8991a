import type { Command } from 'commander';
import { clientCommand, jobsClient } from './client-command.ts';
import type { ClientFlags } from './client-command.ts';
import type { CommandContext } from './context.ts';
import { follow } from './follow.ts';

const HELP = `
The answer goes to standard output, remarks and the end of the job to standard error.
Ends with 0 when the job succeeded and with 1 when it failed or was cancelled.

Examples:
  $ llm-engine watch JOB
  $ llm-engine watch JOB > answer.txt
  $ llm-engine watch JOB --json | jq 'select(.type == "end").job.usage'`;

export function addWatch(program: Command, context: CommandContext): void {
  clientCommand(program, 'watch <job>', 'Show the tokens of a job as they come, and how it ends')
    .addHelpText('after', HELP)
    .action((id: string, flags: ClientFlags) =>
      context.run(flags, async () => {
        const client = await jobsClient(flags, context.env);
        return follow(id, { client, terminal: context.terminal, show: flags.json === true ? 'events' : 'text' });
      }),
    );
}
