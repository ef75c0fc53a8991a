import { once } from 'node:events';
import { createWriteStream } from 'node:fs';
import { rename, stat } from 'node:fs/promises';
import { LOG_LEVELS, createLogger } from '@llm-engine/observability';
import type { LogLevel, Logger } from '@llm-engine/observability';
import { VERSION } from '../version.ts';

export interface EngineLogOptions {
  readonly path: string;
  /** From this level on, records are told to `say` too, as lines for a person. */
  readonly sayFrom: LogLevel;
  readonly say: (line: string) => void;
}

export interface EngineLog extends AsyncDisposable {
  readonly loggerFor: (service: string) => Logger;
}

const FILE_LEVEL = 'info' satisfies LogLevel;
/** A log larger than this is put aside at the next start. */
const MAX_BYTES = 32 * 1024 * 1024;

/** One log of a whole engine: JSON lines in a file, and what a person should know at once on the terminal. */
export async function openEngineLog({ path, sayFrom, say }: EngineLogOptions): Promise<EngineLog> {
  await putAsideLarge(path);
  const file = createWriteStream(path, { flags: 'a', mode: 0o600 });
  await once(file, 'open');
  let broken = false;
  file.on('error', (error) => {
    if (!broken) say(`The log ${path} cannot be written any more: ${error.message}. The engine goes on without it.`);
    broken = true;
  });

  const destination = {
    write(line: string): void {
      if (!broken) file.write(line);
      const record = JSON.parse(line) as LogRecord;
      if (isAtLeast(record.level, sayFrom)) say(lineForPerson(record));
    },
  };
  const level = isAtLeast(FILE_LEVEL, sayFrom) ? sayFrom : FILE_LEVEL;
  return {
    loggerFor: (service) => createLogger({ service, version: VERSION, level, destination }),
    [Symbol.asyncDispose]: () =>
      new Promise((resolve) => {
        file.end(() => resolve());
      }),
  };
}

/** What the logger writes. */
interface LogRecord {
  readonly level: LogLevel;
  readonly service: string;
  readonly msg?: string;
  readonly err?: { readonly message?: string };
  readonly [field: string]: unknown;
}

const UNSAID = new Set(['level', 'time', 'service', 'version', 'pid', 'host', 'msg', 'err']);

/** Without stack and process: those are in the file. */
function lineForPerson(record: LogRecord): string {
  const fields = Object.entries(record)
    .filter(([name]) => !UNSAID.has(name))
    .map(([name, value]) => `${name}=${typeof value === 'string' ? value : JSON.stringify(value)}`);
  const cause = record.err?.message === undefined ? [] : [`(${record.err.message})`];
  return [`${record.level}: ${record.service}: ${record.msg ?? ''}`, ...fields, ...cause].join(' ');
}

function isAtLeast(level: LogLevel, limit: LogLevel): boolean {
  return LOG_LEVELS.indexOf(level) >= LOG_LEVELS.indexOf(limit);
}

async function putAsideLarge(path: string): Promise<void> {
  const size = await stat(path).then(
    (found) => found.size,
    () => 0,
  );
  if (size > MAX_BYTES) await rename(path, `${path}.1`);
}
