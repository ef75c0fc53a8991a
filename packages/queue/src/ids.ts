import { randomBytes } from 'node:crypto';

const PREFIX = 'job_';
const TIME_DIGITS = 9;
const SEQUENCE_DIGITS = 3;
const SEQUENCE_LIMIT = 36 ** SEQUENCE_DIGITS;
const RANDOM_BYTES = 8;
const POOL_SIZE = 512 * RANDOM_BYTES;

let pool = Buffer.alloc(0);
let poolOffset = 0;
let sequence = 0;
let sequenceTime = 0;

/**
 * A job id that sorts by the time of its submission: milliseconds and a sequence number in base 36, then 64 random bits.
 * BullMQ refuses ids with a colon and ids that read as integers; these are neither.
 */
export function newJobId(now: number = Date.now()): string {
  sequence = now === sequenceTime ? (sequence + 1) % SEQUENCE_LIMIT : 0;
  sequenceTime = now;
  return (
    PREFIX +
    now.toString(36).padStart(TIME_DIGITS, '0') +
    sequence.toString(36).padStart(SEQUENCE_DIGITS, '0') +
    randomHex()
  );
}

const ID = /^job_[0-9a-z]{12}[0-9a-f]{16}(?:-\d{1,4})?$/;

/** Whether text has the form of a job id: anything else is answered "not found" without a look-up. */
export function isJobId(text: string): boolean {
  return ID.test(text);
}

/** The id under which a finished job is tried again. Deterministic, so that retrying twice makes one job. */
export function retryId(id: string): string {
  const [base = id, life = '1'] = id.split('-');
  return `${base}-${Number(life) + 1}`;
}

// One call for the random bits of 512 ids: a call for each would cost more than the rest of a submission's own work.
function randomHex(): string {
  if (poolOffset >= pool.length) {
    pool = randomBytes(POOL_SIZE);
    poolOffset = 0;
  }
  poolOffset += RANDOM_BYTES;
  return pool.toString('hex', poolOffset - RANDOM_BYTES, poolOffset);
}
