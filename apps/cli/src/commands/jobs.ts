import { JOB_KINDS, JOB_STATES } from '@llm-engine/contracts';
import { Option } from 'commander';
import type { Command } from 'commander';
import { collectPages } from '../client/collect-pages.ts';
import { EXIT } from '../exit-codes.ts';
import type { ExitCode } from '../exit-codes.ts';
import { jobLines, jobTable } from '../output/job-lines.ts';
import { clientCommand, jobsClient } from './client-command.ts';
import type { ClientFlags } from './client-command.ts';
import type { CommandContext } from './context.ts';
import { parseCount } from './parse-count.ts';
import { printList } from './print-list.ts';

interface JobsFlags extends ClientFlags {
  readonly state?: string;
  readonly kind?: string;
  readonly queue?: string;
  readonly model?: string;
  readonly after?: string;
  readonly limit: number;
}

const DEFAULT_LIMIT = 20;
const LIST_HELP = `
Examples:
  $ llm-engine jobs
  $ llm-engine jobs --state failed --model tiny-chat
  $ llm-engine jobs JOB
  $ llm-engine jobs --limit 1000 --json | jq -r '.data[].id'`;

export function addJobs(program: Command, context: CommandContext): void {
  clientCommand(program, 'jobs [job]', 'List jobs, newest first, or show one')
    .addOption(new Option('--state <state>', 'only jobs in this state').choices(JOB_STATES))
    .addOption(new Option('--kind <kind>', 'only jobs of this kind').choices(JOB_KINDS))
    .option('--queue <queue>', 'only jobs of this queue')
    .option('--model <model>', 'only jobs for this model')
    .option('--after <job>', 'only jobs older than this one')
    .option('--limit <count>', 'at most so many', parseCount, DEFAULT_LIMIT)
    .addHelpText('after', LIST_HELP)
    .action((id: string | undefined, flags: JobsFlags) =>
      context.run(flags, () => (id === undefined ? list(flags, context) : show(id, flags, context))),
    );

  clientCommand(program, 'show <job>', 'Show all that is known of a job, its answer included')
    .addHelpText('after', '\nExample:\n  $ llm-engine show JOB')
    .action((id: string, flags: ClientFlags) => context.run(flags, () => show(id, flags, context)));
}

async function show(id: string, flags: ClientFlags, { terminal, env }: CommandContext): Promise<ExitCode> {
  const job = await (await jobsClient(flags, env)).get(id);
  if (flags.json === true) terminal.json(job);
  else terminal.print(...jobLines(job, terminal.paint, Date.now()));
  return EXIT.ok;
}

async function list(flags: JobsFlags, { terminal, env }: CommandContext): Promise<ExitCode> {
  const { state, kind, queue, model, after, limit } = flags;
  const filter = Object.fromEntries(
    Object.entries({ state, kind, queue, model }).filter(([, value]) => value !== undefined),
  );
  const client = await jobsClient(flags, env);
  const found = await collectPages((page) => client.list({ ...filter, ...page }), { after, limit });
  return printList(found, { terminal, json: flags.json === true, none: 'No such jobs.', table: jobTable });
}
