import { rm } from 'node:fs/promises';
import type { FilesClient } from '../client/files-client.ts';
import { patiently } from '../client/patiently.ts';
import type { Patience } from '../client/patiently.ts';
import type { WireBatch } from '../client/wire-batches.ts';
import { usageError } from '../command-error.ts';
import type { Terminal } from '../output/terminal.ts';
import { requirePlace, saveFile } from './save-file.ts';

export interface ResultFlags {
  readonly out?: string;
  readonly errors?: string;
  readonly force?: boolean;
}

interface PlaceFlags extends ResultFlags {
  readonly json?: boolean;
}

/** Where the results of a batch are to go. */
export interface ResultPlaces {
  readonly out?: string;
  readonly errors?: string;
  readonly force: boolean;
}

interface SaveOptions {
  readonly files: FilesClient;
  readonly terminal: Terminal;
  readonly patience: Patience;
}

const STANDARD_OUTPUT = '-';

/** Throws `file_exists` and `file_not_writable` now, and not when the batch has ended. */
export async function placesOf({ out, errors, force = false, json }: PlaceFlags): Promise<ResultPlaces> {
  if (out === STANDARD_OUTPUT && json === true) {
    throw usageError('--out - and --json both want standard output: leave one of them out.');
  }
  const beside = out === undefined || out === STANDARD_OUTPUT ? undefined : errorsNextTo(out);
  const errorsTo = errors ?? beside;
  const places: ResultPlaces = {
    force,
    ...(out !== undefined && { out }),
    ...(errorsTo !== undefined && { errors: errorsTo }),
  };
  for (const path of filesOf(places)) await requirePlace(path, force);
  return places;
}

/** The part of a command line that says the same. */
export function resultArguments({ out, errors, force }: ResultPlaces): string {
  const own = errors === undefined || (out !== undefined && errors === errorsNextTo(out)) ? undefined : errors;
  return [
    ...(out === undefined ? [] : ['--out', quote(out)]),
    ...(own === undefined ? [] : ['--errors', quote(own)]),
    ...(force ? ['--force'] : []),
  ].join(' ');
}

/** Brings the results of a batch that has ended; tells where they are. */
export async function saveResults(batch: WireBatch, places: ResultPlaces, options: SaveOptions): Promise<void> {
  const { terminal } = options;
  await save(batch.output_file_id, places.out, places.force, options);
  await save(batch.error_file_id, places.errors, places.force, options);
  if (places.out === undefined && batch.output_file_id !== null) {
    terminal.note(`Its results: llm-engine batches output ${batch.id}`);
  }
  if (places.errors === undefined && batch.error_file_id !== null) {
    terminal.note(`Its errors: llm-engine files download ${batch.error_file_id}`);
  }
}

async function save(
  fileId: string | null,
  path: string | undefined,
  force: boolean,
  { files, terminal, patience }: SaveOptions,
): Promise<void> {
  if (path === undefined) return;
  if (fileId === null) {
    // What an earlier batch left there would be taken for a result of this one.
    if (force && path !== STANDARD_OUTPUT) await rm(path, { force: true });
    return;
  }
  if (path === STANDARD_OUTPUT) return terminal.pour(files.content(fileId, patience.signal));
  await patiently(() => saveFile(path, files.content(fileId, patience.signal), force), patience);
  terminal.note(`Saved ${path}`);
}

function filesOf({ out, errors }: ResultPlaces): readonly string[] {
  return [out, errors].filter((path) => path !== undefined).filter((path) => path !== STANDARD_OUTPUT);
}

function errorsNextTo(out: string): string {
  return `${out.replace(/\.jsonl$/, '')}.errors.jsonl`;
}

/** As a shell reads it back. */
function quote(path: string): string {
  return /^[\w./:@%+-]+$/.test(path) ? path : `'${path.replaceAll("'", `'\\''`)}'`;
}
