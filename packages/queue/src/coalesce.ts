import type { Redis } from 'ioredis';

/**
 * Lets the commands that this turn of the event loop sends leave together. A system call and the other side's wake-up cost
 * more than a command does: at full load this is a third of the time of a job.
 */
export function coalesceWrites({ stream }: Pick<Redis, 'stream'>): void {
  if (stream.writableCorked > 0) return;
  stream.cork();
  // After the promises of this turn, which is where the commands come from.
  process.nextTick(() => stream.uncork());
}
