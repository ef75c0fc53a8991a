import { setTimeout as sleep } from 'node:timers/promises';
import { CommandError } from '../command-error.ts';
import { EXIT } from '../exit-codes.ts';
import type { JobEvent } from './job-stream.ts';
import type { JobsClient } from './jobs-client.ts';

export interface FollowOptions {
  readonly signal: AbortSignal;
  /** Told when the connection is lost, once for each loss. */
  readonly onLost: () => void;
  /** How long the engine may be away before it is given up, in milliseconds. Default 5 minutes. */
  readonly patienceMs?: number;
  /** First wait before another connection, in milliseconds; it doubles up to a cap. Default 200. */
  readonly firstWaitMs?: number;
}

const PATIENCE_MS = 300_000;
const FIRST_WAIT_MS = 200;
const WAIT_CAP_MS = 5_000;

/**
 * A job's chunks, each once, and its end, over as many connections as it takes: a lost one is made again and goes on where it was.
 * Rejects when the engine was never there, stays away for too long, or refuses.
 */
export async function* followJob(
  client: Pick<JobsClient, 'stream'>,
  id: string,
  { signal, onLost, patienceMs = PATIENCE_MS, firstWaitMs = FIRST_WAIT_MS }: FollowOptions,
): AsyncGenerator<JobEvent> {
  let after = 0;
  let connected = false;
  let lostAt: number | undefined;
  for (let attempt = 0; ; attempt += 1) {
    try {
      for await (const event of client.stream(id, { after, signal })) {
        connected = true;
        lostAt = undefined;
        if (event.type === 'open') continue;
        attempt = 0;
        if (event.type === 'chunk') after = event.seq;
        yield event;
        if (event.type === 'end') return;
      }
    } catch (error) {
      if (!connected || !mayPass(error)) throw error;
      if (lostAt !== undefined && Date.now() - lostAt > patienceMs) throw error;
    }
    if (lostAt === undefined) {
      lostAt = Date.now();
      onLost();
    }
    const wait = Math.min(firstWaitMs * 2 ** attempt, WAIT_CAP_MS) * (0.5 + Math.random() / 2);
    await sleep(wait, undefined, { signal });
  }
}

function mayPass(error: unknown): boolean {
  return error instanceof CommandError && error.exitCode === EXIT.unreachable;
}
