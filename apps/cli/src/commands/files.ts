import { FILE_PURPOSES, INPUT_PURPOSES, expiresAfter } from '@llm-engine/contracts';
import { InvalidArgumentError, Option } from 'commander';
import type { Command } from 'commander';
import { collectPages } from '../client/collect-pages.ts';
import { StopSignals } from '../engine/stop-signals.ts';
import { EXIT } from '../exit-codes.ts';
import type { ExitCode } from '../exit-codes.ts';
import { fileLines, fileTable } from '../output/file-lines.ts';
import { filesClient } from './batch-options.ts';
import { clientCommand } from './client-command.ts';
import type { ClientFlags } from './client-command.ts';
import type { CommandContext } from './context.ts';
import { eachId } from './each-id.ts';
import { openInput } from './input-file.ts';
import { parseCount } from './parse-count.ts';
import { parseTime } from './parse-time.ts';
import { printList } from './print-list.ts';
import { requirePlace, saveFile } from './save-file.ts';
import { uploadFile } from './upload-file.ts';

interface ListFlags extends ClientFlags {
  readonly purpose?: string;
  readonly after?: string;
  readonly limit: number;
}

interface UploadFlags extends ClientFlags {
  readonly purpose: string;
  /** In seconds. */
  readonly expires?: number;
}

interface DownloadFlags extends ClientFlags {
  readonly out?: string;
  readonly force?: boolean;
}

const DEFAULT_LIMIT = 20;
const HELP = `
Without a command, files are listed.

Examples:
  $ llm-engine files --purpose batch_output
  $ llm-engine files upload requests.jsonl --purpose batch --expires 7d
  $ llm-engine files download FILE --out results.jsonl`;

export function addFiles(program: Command, context: CommandContext): void {
  const { terminal, env } = context;
  const group = program
    .command('files')
    .description('List, upload, download and delete files')
    .addHelpText('after', HELP);

  clientCommand(group, 'list', 'List files, newest first', { isDefault: true })
    .addOption(new Option('--purpose <purpose>', 'only files for this purpose').choices(FILE_PURPOSES))
    .option('--after <file>', 'only files older than this one')
    .option('--limit <count>', 'at most so many', parseCount, DEFAULT_LIMIT)
    .action((flags: ListFlags) => context.run(flags, () => list(flags, context)));

  clientCommand(group, 'upload <file>', 'Upload a file, and print its id; - for standard input')
    .addOption(new Option('--purpose <purpose>', 'what it is for').choices(INPUT_PURPOSES).makeOptionMandatory())
    .option('--expires <time>', 'remove it after this long, from 1h to 30d; never where not given', parseExpiry)
    .action((path: string, flags: UploadFlags) => context.run(flags, () => upload(path, flags, context)));

  clientCommand(group, 'show <file>', 'Show what is known of a file').action((id: string, flags: ClientFlags) =>
    context.run(flags, async () => {
      const file = await (await filesClient(flags, env)).get(id);
      if (flags.json === true) terminal.json(file);
      else terminal.print(...fileLines(file, terminal.paint, Date.now()));
      return EXIT.ok;
    }),
  );

  clientCommand(group, 'download <file>', 'Print what is in a file, or save it')
    .option('--out <path>', 'where it is saved')
    .option('--force', 'replace a file that is there already')
    .action((id: string, flags: DownloadFlags) => context.run(flags, () => download(id, flags, context)));

  clientCommand(group, 'delete <file...>', 'Delete files').action((ids: string[], flags: ClientFlags) =>
    context.run(flags, async () => {
      const client = await filesClient(flags, env);
      return eachId(ids, {
        terminal,
        json: flags.json === true,
        act: (id) => client.delete(id),
        describe: (id) => `${id}  deleted`,
      });
    }),
  );
}

async function list(flags: ListFlags, { terminal, env }: CommandContext): Promise<ExitCode> {
  const { purpose, after, limit, json = false } = flags;
  const client = await filesClient(flags, env);
  const found = await collectPages((page) => client.list({ ...page, ...(purpose !== undefined && { purpose }) }), {
    after,
    limit,
  });
  return printList(found, { terminal, json, none: 'No such files.', table: fileTable });
}

async function upload(path: string, flags: UploadFlags, { terminal, env }: CommandContext): Promise<ExitCode> {
  using stopped = new StopSignals();
  const { signal } = stopped;
  const { purpose, expires } = flags;
  const client = await filesClient(flags, env);
  try {
    const file = await uploadFile(client, await openInput(path, signal), {
      terminal,
      signal,
      purpose,
      ...(expires !== undefined && { expiresAfterSeconds: expires }),
    });
    if (flags.json === true) terminal.json(file);
    else terminal.print(file.id);
    return EXIT.ok;
  } catch (error) {
    if (signal.aborted) return EXIT.interrupted;
    throw error;
  }
}

async function download(id: string, flags: DownloadFlags, { terminal, env }: CommandContext): Promise<ExitCode> {
  const { out, force = false } = flags;
  if (out !== undefined) await requirePlace(out, force);
  using stopped = new StopSignals();
  const { signal } = stopped;
  const content = (await filesClient(flags, env)).content(id, signal);
  try {
    if (out === undefined) await terminal.pour(content);
    else await saveFile(out, content, force);
    return EXIT.ok;
  } catch (error) {
    if (signal.aborted) return EXIT.interrupted;
    throw error;
  }
}

const SECOND_MS = 1_000;

function parseExpiry(text: string): number {
  const seconds = parseTime(text) / SECOND_MS;
  if (expiresAfter.safeParse({ anchor: 'created_at', seconds }).success) return seconds;
  throw new InvalidArgumentError('It is a time from 1h to 30d.');
}
