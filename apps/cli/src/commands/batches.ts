import type { Command } from 'commander';
import { collectPages } from '../client/collect-pages.ts';
import type { WireBatch } from '../client/wire-batches.ts';
import { StopSignals } from '../engine/stop-signals.ts';
import { EXIT } from '../exit-codes.ts';
import type { ExitCode } from '../exit-codes.ts';
import { batchLines, batchTable, paintStatus } from '../output/batch-lines.ts';
import type { Terminal } from '../output/terminal.ts';
import { ENDS_HELP, addResultOptions, batchesClient, filesClient } from './batch-options.ts';
import type { WatchFlags } from './batch-options.ts';
import { placesOf } from './batch-results.ts';
import { clientCommand } from './client-command.ts';
import type { ClientFlags } from './client-command.ts';
import type { CommandContext } from './context.ts';
import { eachId } from './each-id.ts';
import { parseCount } from './parse-count.ts';
import { printList } from './print-list.ts';
import { watchBatch } from './watch-batch.ts';

interface ListFlags extends ClientFlags {
  readonly after?: string;
  readonly limit: number;
}

const DEFAULT_LIMIT = 20;
const HELP = `
Without a command, batches are listed.

Examples:
  $ llm-engine batches
  $ llm-engine batches watch BATCH --out results.jsonl
  $ llm-engine batches retry BATCH                 # a new batch, of the lines that failed
  $ llm-engine batches --limit 100 --json | jq -r '.data[] | select(.status == "in_progress").id'`;

export function addBatches(program: Command, context: CommandContext): void {
  const { terminal, env } = context;
  const group = program
    .command('batches')
    .description('List, show, watch and steer batches')
    .addHelpText('after', HELP);

  clientCommand(group, 'list', 'List batches, newest first', { isDefault: true })
    .option('--after <batch>', 'only batches older than this one')
    .option('--limit <count>', 'at most so many', parseCount, DEFAULT_LIMIT)
    .action((flags: ListFlags) => context.run(flags, () => list(flags, context)));

  clientCommand(group, 'show <batch>', 'Show all that is known of a batch').action((id: string, flags: ClientFlags) =>
    context.run(flags, async () => {
      const batch = await (await batchesClient(flags, env)).get(id);
      if (flags.json === true) terminal.json(batch);
      else terminal.print(...batchLines(batch, terminal.paint, Date.now()));
      return EXIT.ok;
    }),
  );

  addResultOptions(
    clientCommand(group, 'watch <batch>', 'Show how far a batch is until its end, and bring the results'),
  )
    .addHelpText('after', ENDS_HELP)
    .action((id: string, flags: WatchFlags) => context.run(flags, () => watch(id, flags, context)));

  addAction('cancel', 'Stop batches; what they have done is kept', statusLine);
  addAction('pause', 'Begin no more lines; those that run come to their end', statusLine);
  addAction('resume', 'Go on where batches were paused', statusLine);
  addAction(
    'retry',
    'Make new batches of the lines that failed',
    (id, { id: fresh }) => `${id}  is tried again as  ${fresh}`,
  );

  clientCommand(group, 'output <batch>', 'Print the results so far, in the order of the input').action(
    (id: string, flags: ClientFlags) =>
      context.run(flags, async () => {
        await terminal.pour((await batchesClient(flags, env)).output(id));
        return EXIT.ok;
      }),
  );

  function addAction(
    name: 'cancel' | 'pause' | 'resume' | 'retry',
    description: string,
    describe: (id: string, batch: WireBatch, terminal: Terminal) => string,
  ): void {
    clientCommand(group, `${name} <batch...>`, description).action((ids: string[], flags: ClientFlags) =>
      context.run(flags, async () => {
        const client = await batchesClient(flags, env);
        return eachId(ids, {
          terminal,
          json: flags.json === true,
          act: (id) => client.act(name, id),
          describe: (id, batch) => describe(id, batch, terminal),
        });
      }),
    );
  }
}

function statusLine(id: string, batch: WireBatch, { paint }: Terminal): string {
  return `${id}  ${paintStatus(batch, paint)}`;
}

async function list(flags: ListFlags, { terminal, env }: CommandContext): Promise<ExitCode> {
  const { after, limit, json = false } = flags;
  const client = await batchesClient(flags, env);
  const found = await collectPages((page) => client.list(page), { after, limit });
  return printList(found, { terminal, json, none: 'No batches.', table: batchTable });
}

async function watch(id: string, flags: WatchFlags, { terminal, env }: CommandContext): Promise<ExitCode> {
  const places = await placesOf(flags);
  using stopped = new StopSignals();
  const [batches, files] = [await batchesClient(flags, env), await filesClient(flags, env)];
  const batch = await batches.get(id);
  // Awaited here: signals are heard until the function returns.
  return await watchBatch(batch, {
    batches,
    files,
    terminal,
    places,
    json: flags.json === true,
    stop: stopped.signal,
    inputName: batch.input_file_id,
  });
}
