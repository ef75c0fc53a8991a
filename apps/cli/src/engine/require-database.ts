import { Database, storageOutage } from '@llm-engine/storage';
import { StartError } from './start-error.ts';

const TIMEOUT_MS = 3_000;

/** Rejects when the PostgreSQL that was named does not answer, or not to us: a person at a terminal wants to know now. */
export async function requireDatabase(databaseUrl: string, signal?: AbortSignal): Promise<void> {
  try {
    await using database = await Database.open({
      url: databaseUrl,
      connectTimeoutMs: TIMEOUT_MS,
      maxConnections: 1,
      ...(signal && { signal }),
    });
    await database.check();
  } catch (error) {
    const outage = storageOutage(error);
    if (outage === undefined) throw error;
    const { host } = new URL(databaseUrl);
    const reason = outage.cause instanceof Error ? ` (${outage.cause.message})` : '';
    throw new StartError(
      'postgres_unreachable',
      `The PostgreSQL at ${host} does not answer${reason}. Start it, or leave DATABASE_URL out to run an embedded one.`,
      { cause: error },
    );
  }
}
