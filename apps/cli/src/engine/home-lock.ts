import { DatabaseSync } from 'node:sqlite';
import { readEngineFile } from './engine-file.ts';
import type { Home } from './home.ts';
import { StartError } from './start-error.ts';

const SQLITE_BUSY = 5;

/**
 * Takes a home for this process alone, or says who has it.
 * The lock is an open transaction on an empty SQLite file: the operating system gives it back when the process ends, however it ends,
 * so no stale lock exists and no process id has to be trusted.
 */
export async function lockHome(home: Home): Promise<Disposable> {
  const database = new DatabaseSync(home.lockFile, { timeout: 0 });
  try {
    database.exec('BEGIN EXCLUSIVE');
  } catch (error) {
    database.close();
    if (!isBusy(error)) throw error;
    throw await inUse(home, error);
  }
  return { [Symbol.dispose]: () => database.close() };
}

function isBusy(error: unknown): boolean {
  return error instanceof Error && 'errcode' in error && error.errcode === SQLITE_BUSY;
}

async function inUse(home: Home, cause: unknown): Promise<StartError> {
  const running = await readEngineFile(home);
  const who = running === undefined ? 'another process' : `process ${running.pid}`;
  const where = running?.producerUrl === undefined ? '' : `, producer ${running.producerUrl}`;
  return new StartError(
    'home_in_use',
    `An engine already runs in ${home.root} (${who}${where}). Stop it first, or set LLM_ENGINE_HOME to another folder.`,
    { cause },
  );
}
