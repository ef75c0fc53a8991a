import type { Command } from 'commander';
import type { JobsClient, RetryFilter } from '../client/jobs-client.ts';
import { usageError } from '../command-error.ts';
import { EXIT } from '../exit-codes.ts';
import type { ExitCode } from '../exit-codes.ts';
import { clientCommand, jobsClient } from './client-command.ts';
import type { ClientFlags } from './client-command.ts';
import type { CommandContext } from './context.ts';
import { eachId } from './each-id.ts';

interface RetryFlags extends ClientFlags, RetryFilter {
  readonly all?: boolean;
}

const HELP = `
Each failed job is tried again as a new job; how the old one ended stays on record.

Examples:
  $ llm-engine retry JOB
  $ llm-engine retry --all --code rate_limited
  $ llm-engine retry --all --model tiny-chat`;

export function addRetry(program: Command, context: CommandContext): void {
  clientCommand(program, 'retry [job...]', 'Try failed jobs again')
    .option('--all', 'all failed jobs, or all that the filters leave')
    .option('--queue <queue>', 'with --all: only jobs of this queue')
    .option('--model <model>', 'with --all: only jobs for this model')
    .option('--code <code>', 'with --all: only jobs that failed with this error code')
    .addHelpText('after', HELP)
    .action((ids: string[], flags: RetryFlags) =>
      context.run(flags, async () => {
        requireEither(ids, flags);
        const client = await jobsClient(flags, context.env);
        return flags.all === true ? retryAll(client, flags, context) : retryEach(client, ids, flags, context);
      }),
    );
}

function requireEither(ids: readonly string[], { all, queue, model, code }: RetryFlags): void {
  if (all === true && ids.length > 0) throw usageError('Name jobs, or give --all, but not both.');
  if (all === true) return;
  if (ids.length === 0) throw usageError('Name the jobs to try again, or give --all.');
  if ([queue, model, code].some((filter) => filter !== undefined)) {
    throw usageError('--queue, --model and --code choose among all failed jobs: they need --all.');
  }
}

async function retryAll(client: JobsClient, flags: RetryFlags, { terminal }: CommandContext): Promise<ExitCode> {
  const { queue, model, code } = flags;
  const retried = await client.retryAll({
    ...(queue !== undefined && { queue }),
    ...(model !== undefined && { model }),
    ...(code !== undefined && { code }),
  });
  if (flags.json === true) terminal.json({ retried });
  else terminal.print(retried === 1 ? '1 job is tried again.' : `${retried} jobs are tried again.`);
  return EXIT.ok;
}

function retryEach(
  client: JobsClient,
  ids: readonly string[],
  { json = false }: RetryFlags,
  { terminal }: CommandContext,
): Promise<ExitCode> {
  return eachId(ids, {
    terminal,
    json,
    act: (id) => client.retry(id),
    describe: (id, job) => `${id}  is tried again as  ${job.id}`,
  });
}
