import type { Logger } from './logger.ts';

/** The same trouble, such as a refused connection, comes back many times a second. */
const QUIET_MS = 10_000;
const MAX_KINDS = 100;

interface Told {
  readonly at: number;
  readonly unsaid: number;
}

/**
 * Logs troubles that mend themselves, such as a lost connection: one that repeats itself once in ten seconds, with how often
 * it was left `unsaid` in between.
 */
export function troubleLog(logger: Logger, now: () => number = Date.now): (source: string, error: Error) => void {
  const told = new Map<string, Told>();
  return (source, error) => {
    const kind = `${source}: ${error.message}`;
    const { at, unsaid } = told.get(kind) ?? { at: -Infinity, unsaid: 0 };
    const time = now();
    if (time - at < QUIET_MS) {
      told.set(kind, { at, unsaid: unsaid + 1 });
      return;
    }
    if (told.size >= MAX_KINDS) told.clear();
    told.set(kind, { at: time, unsaid: 0 });
    logger.warn({ source, err: error, ...(unsaid > 0 && { unsaid }) }, 'trouble');
  };
}
