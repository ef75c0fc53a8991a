import type { Redis } from 'ioredis';

/** Enough for a packet: what is beyond it goes out at once, so that Redis works while the rest is being prepared. */
const PARCEL_BYTES = 8_192;

/**
 * Lets the commands that this turn of the event loop sends leave in parcels instead of one by one. A system call, and the
 * other side's wake-up, cost more than a command does: at full load a third of the time of a job.
 */
export function coalesceWrites({ stream }: Pick<Redis, 'stream'>): void {
  if (stream.writableCorked === 0) {
    // After the promises of this turn, which is where the commands come from.
    process.nextTick(() => stream.uncork());
  } else if (stream.writableLength > PARCEL_BYTES) {
    stream.uncork();
  } else {
    return;
  }
  stream.cork();
}
