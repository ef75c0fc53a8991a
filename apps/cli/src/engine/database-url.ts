import { EmbeddedPostgres } from '../embedded-postgres/embedded-postgres.ts';
import { obtainPostgres } from '../embedded-postgres/postgres-program.ts';
import { requireDatabase } from './require-database.ts';
import { StartError } from './start-error.ts';
import type { ServersStart } from './start-servers.ts';

/** Undefined where no PostgreSQL can run: then there are no files and batches. */
export async function databaseUrlOf(options: ServersStart): Promise<string | undefined> {
  const { settings, signal, say } = options;
  if (settings.databaseUrl !== undefined) {
    await requireDatabase(settings.databaseUrl, signal);
    return settings.databaseUrl;
  }
  try {
    return await startPostgres(options);
  } catch (error) {
    if (!(error instanceof StartError) || error.code !== 'postgres_missing') throw error;
    // Models and jobs need none, and there may be no way to one on this machine.
    say(`There are no files and batches: ${error.message}`);
    return undefined;
  }
}

async function startPostgres({ home, machine, log, say, starting, signal }: ServersStart): Promise<string> {
  const logger = log.loggerFor('postgres');
  const postgres = await EmbeddedPostgres.start({
    home,
    program: await obtainPostgres(machine),
    machine,
    say,
    onTrouble: (line) => logger.warn(line),
    ...(signal && { signal }),
  });
  return starting.use(postgres).url;
}
