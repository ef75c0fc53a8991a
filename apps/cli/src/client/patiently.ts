import { setTimeout as sleep } from 'node:timers/promises';
import { CommandError } from '../command-error.ts';
import { EXIT } from '../exit-codes.ts';

export interface Patience {
  /** Told when the engine went away, and when it is back: once each. */
  readonly onLost: () => void;
  readonly onBack?: () => void;
  readonly signal?: AbortSignal;
  /** How long the engine may be away before it is given up, in milliseconds. Default: for ever. */
  readonly patienceMs?: number;
  /** First wait before another attempt, in milliseconds; it doubles up to a cap. Default 200. */
  readonly firstWaitMs?: number;
}

const FIRST_WAIT_MS = 200;
const WAIT_CAP_MS = 5_000;

/** Does what needs the engine, again and again while that is away. Rejects with what the engine refuses. */
export async function patiently<T>(action: () => Promise<T>, options: Patience): Promise<T> {
  const { onLost, onBack, signal, patienceMs = Infinity, firstWaitMs = FIRST_WAIT_MS } = options;
  let lostAt: number | undefined;
  for (let attempt = 0; ; attempt += 1) {
    try {
      const result = await action();
      if (lostAt !== undefined) onBack?.();
      return result;
    } catch (error) {
      signal?.throwIfAborted();
      if (!(error instanceof CommandError) || error.exitCode !== EXIT.unreachable) throw error;
      if (lostAt !== undefined && Date.now() - lostAt > patienceMs) throw error;
    }
    if (lostAt === undefined) {
      lostAt = Date.now();
      onLost();
    }
    const wait = Math.min(firstWaitMs * 2 ** attempt, WAIT_CAP_MS) * (0.5 + Math.random() / 2);
    await sleep(wait, undefined, { ...(signal !== undefined && { signal }) });
  }
}
