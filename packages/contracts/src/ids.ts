const TIME_DIGITS = 9;
const SEQUENCE_DIGITS = 3;
const SEQUENCE_LIMIT = 36 ** SEQUENCE_DIGITS;

/** Random bits of 512 ids: a call for each would cost more than the rest of a submission's own work. */
const pool = new Uint32Array(1_024);
let used = pool.length;
let sequence = 0;
let sequenceTime = 0;

/**
 * An id that sorts by the time of its making: the prefix, milliseconds and a sequence number in base 36, then 64 random bits.
 * BullMQ refuses ids with a colon and ids that read as integers; these are neither.
 */
export function newId(
  prefix: 'job_' | 'file-' | 'batch_' | 'group_' | 'evt_' | 'model_',
  now: number = Date.now(),
): string {
  sequence = now === sequenceTime ? (sequence + 1) % SEQUENCE_LIMIT : 0;
  sequenceTime = now;
  return (
    prefix +
    now.toString(36).padStart(TIME_DIGITS, '0') +
    sequence.toString(36).padStart(SEQUENCE_DIGITS, '0') +
    randomHex()
  );
}

function randomHex(): string {
  if (used >= pool.length) {
    crypto.getRandomValues(pool);
    used = 0;
  }
  used += 2;
  return hex(pool[used - 2]) + hex(pool[used - 1]);
}

function hex(word = 0): string {
  return word.toString(16).padStart(8, '0');
}
