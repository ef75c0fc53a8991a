import { JOB_KINDS, JOB_STATES } from '@llm-engine/contracts';
import { Option } from 'commander';
import type { Command } from 'commander';
import type { JobsClient, ListFilter } from '../client/jobs-client.ts';
import type { WireJob } from '../client/wire.ts';
import { EXIT } from '../exit-codes.ts';
import type { ExitCode } from '../exit-codes.ts';
import { jobLines, jobTable } from '../output/job-lines.ts';
import { clientCommand, jobsClient } from './client-command.ts';
import type { ClientFlags } from './client-command.ts';
import type { CommandContext } from './context.ts';
import { parseCount } from './parse-count.ts';

interface JobsFlags extends ClientFlags {
  readonly state?: string;
  readonly kind?: string;
  readonly queue?: string;
  readonly model?: string;
  readonly after?: string;
  readonly limit: number;
}

const PAGE = 100;
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
    Object.entries({ state, kind, queue, model, after }).filter(([, value]) => value !== undefined),
  );
  const { jobs, hasMore } = await collect(await jobsClient(flags, env), filter, limit);
  if (flags.json === true) {
    terminal.json({ data: jobs, has_more: hasMore });
    return EXIT.ok;
  }
  if (jobs.length === 0) terminal.note('No such jobs.');
  else terminal.print(...jobTable(jobs, terminal.paint, Date.now()));
  const last = jobs.at(-1);
  if (hasMore && last !== undefined) {
    terminal.note(terminal.paintNote.dim(`There are more: --after ${last.id}, or a larger --limit.`));
  }
  return EXIT.ok;
}

interface Collected {
  readonly jobs: readonly WireJob[];
  readonly hasMore: boolean;
}

/** Page after page until there are as many as asked for. */
async function collect(client: JobsClient, filter: ListFilter, limit: number): Promise<Collected> {
  const jobs: WireJob[] = [];
  let cursor: { readonly after?: string } = {};
  for (;;) {
    const page = await client.list({ ...filter, ...cursor, limit: Math.min(PAGE, limit - jobs.length) });
    jobs.push(...page.data);
    const last = page.data.at(-1);
    if (!page.has_more || last === undefined || jobs.length >= limit) return { jobs, hasMore: page.has_more };
    cursor = { after: last.id };
  }
}
