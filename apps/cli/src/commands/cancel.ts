import type { Command } from 'commander';
import { paintState } from '../output/job-lines.ts';
import { clientCommand, jobsClient } from './client-command.ts';
import type { ClientFlags } from './client-command.ts';
import type { CommandContext } from './context.ts';
import { eachId } from './each-id.ts';

const HELP = `
Examples:
  $ llm-engine cancel JOB
  $ llm-engine jobs --state queued --limit 1000 --json | jq -r '.data[].id' | xargs llm-engine cancel`;

export function addCancel(program: Command, context: CommandContext): void {
  const { terminal, env } = context;
  clientCommand(program, 'cancel <job...>', 'Stop jobs that wait or run')
    .addHelpText('after', HELP)
    .action((ids: string[], flags: ClientFlags) =>
      context.run(flags, async () => {
        const client = await jobsClient(flags, env);
        return eachId(ids, {
          terminal,
          json: flags.json === true,
          act: (id) => client.cancel(id),
          describe: (id, { state }) => `${id}  ${paintState(state, terminal.paint)}`,
        });
      }),
    );
}
