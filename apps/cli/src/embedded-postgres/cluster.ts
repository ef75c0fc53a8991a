import { randomBytes } from 'node:crypto';
import { readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Machine } from '../embedded/machine.ts';
import { StartError } from '../engine/start-error.ts';
import type { PostgresProgram } from './postgres-program.ts';

export interface ClusterOptions {
  readonly program: PostgresProgram;
  readonly machine: Machine;
  /** Made where it is missing. Nobody else may make it now. */
  readonly dataFolder: string;
  /** Where the password is kept, for its owner alone to read. */
  readonly passwordFile: string;
}

const USER = 'llm_engine';
const PASSWORD_BYTES = 24;
/** Texts have the same order on every machine: that of their bytes. */
const BYTE_ORDER = ['--encoding=UTF8', '--locale=C', '--locale-provider=builtin', '--builtin-locale=C.UTF-8'];

/** Makes the data folder of a PostgreSQL, unless it is there already. Resolves with the password of its only user. */
export async function openCluster(options: ClusterOptions): Promise<string> {
  const { program, dataFolder, passwordFile } = options;
  const version = await readFile(join(dataFolder, 'PG_VERSION'), 'utf8').catch(() => undefined);
  if (version === undefined) return createCluster(options);
  if (version.trim() !== program.majorVersion) {
    throw new StartError(
      'postgres_version',
      `${dataFolder} was written by PostgreSQL ${version.trim()}, and PostgreSQL ${program.majorVersion} of this engine cannot read it. ` +
        'Run it with the engine that wrote it, or move the folder away to begin with an empty one.',
    );
  }
  try {
    return (await readFile(passwordFile, 'utf8')).trim();
  } catch (error) {
    throw new StartError(
      'postgres_failed',
      `${passwordFile} cannot be read, which holds the password of the database in ${dataFolder}. ` +
        'Put it back, or move the folder away to begin with an empty one.',
      { cause: error },
    );
  }
}

export function databaseUrlOf(port: number, password: string): string {
  return `postgres://${USER}:${password}@127.0.0.1:${port}/postgres`;
}

async function createCluster({ program, machine, dataFolder, passwordFile }: ClusterOptions): Promise<string> {
  // Under another name until it is whole: a start that is killed leaves no half of one.
  const draft = `${dataFolder}.new`;
  await rm(draft, { recursive: true, force: true });
  const password = randomBytes(PASSWORD_BYTES).toString('hex');
  await rm(passwordFile, { force: true });
  await writeFile(passwordFile, `${password}\n`, { mode: 0o600 });
  const { ok, output } = await machine.run([
    ...program.initdb,
    `--pgdata=${draft}`,
    `--username=${USER}`,
    `--pwfile=${passwordFile}`,
    '--auth=scram-sha-256',
    ...BYTE_ORDER,
  ]);
  if (!ok) {
    await rm(draft, { recursive: true, force: true });
    throw new StartError('postgres_failed', `The database in ${dataFolder} could not be made:\n${output.trimEnd()}`);
  }
  await rename(draft, dataFolder);
  return password;
}
