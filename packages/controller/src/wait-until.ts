import { setTimeout as sleep } from 'node:timers/promises';
import { EngineError } from '@llm-engine/contracts';

export interface ProgressOptions<Status> {
  /** Stop waiting after this long, in milliseconds, with `wait_timeout`. What is waited for goes on. Default: wait for ever. */
  readonly timeoutMs?: number;
  readonly signal?: AbortSignal;
  /** Told how it stands, at each look. */
  readonly onProgress?: (status: Status) => void;
}

interface Awaited<Status> {
  /** What is waited for, such as `the group 'group_x'`. */
  readonly what: string;
  readonly look: () => Promise<Status>;
  readonly isEnded: (status: Status) => boolean;
}

const FIRST_MS = 100;
const CAP_MS = 2_000;
const GROWTH = 1.5;

/** Looks until it has ended. An outage of Redis or of the storage does not end the wait. */
export async function waitUntil<Status>(
  { what, look, isEnded }: Awaited<Status>,
  { timeoutMs = Infinity, signal, onProgress }: ProgressOptions<Status> = {},
  pause: (ms: number, signal?: AbortSignal) => Promise<void> = (ms, abort) =>
    sleep(ms, undefined, abort && { signal: abort }),
): Promise<Status> {
  const deadline = performance.now() + timeoutMs;
  for (let pauseMs = FIRST_MS; ; pauseMs = Math.min(pauseMs * GROWTH, CAP_MS)) {
    signal?.throwIfAborted();
    const status = await look().catch((error: unknown) => {
      if (isOutage(error)) return undefined;
      throw error;
    });
    if (status !== undefined) {
      onProgress?.(status);
      if (isEnded(status)) return status;
    }
    const leftMs = deadline - performance.now();
    if (leftMs <= 0) {
      throw new EngineError('wait_timeout', `It has not ended within ${timeoutMs} ms: ${what}. It goes on: ask again.`);
    }
    await pause(Math.min(pauseMs * (0.75 + Math.random() / 2), leftMs), signal);
  }
}

function isOutage(error: unknown): boolean {
  return error instanceof EngineError && (error.code === 'queue_unavailable' || error.code === 'storage_unavailable');
}
