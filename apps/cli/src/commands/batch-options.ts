import type { Command } from 'commander';
import { BatchesClient } from '../client/batches-client.ts';
import { FilesClient } from '../client/files-client.ts';
import type { ResultFlags } from './batch-results.ts';
import { producerOf } from './client-command.ts';
import type { ClientFlags } from './client-command.ts';
import type { CommandContext } from './context.ts';

/** Options of every command that waits for a batch. */
export type WatchFlags = ClientFlags & ResultFlags;

export const ENDS_HELP = `
Ends with 0 when every line succeeded, with 4 when the batch completed but lines of it failed (both files are there), and with 1
when it failed, expired or was cancelled (what it did is there). Ctrl-C stops the watching, not the batch.`;

export function addResultOptions(command: Command): Command {
  return command
    .option('--out <file>', 'where the results go, in the order of the input; - for standard output')
    .option('--errors <file>', 'where the lines that failed go; OUT.errors.jsonl where not given')
    .option('--force', 'replace files that are there already');
}

export async function batchesClient(flags: ClientFlags, env: CommandContext['env']): Promise<BatchesClient> {
  return new BatchesClient(await producerOf(flags, env));
}

export async function filesClient(flags: ClientFlags, env: CommandContext['env']): Promise<FilesClient> {
  return new FilesClient(await producerOf(flags, env));
}
