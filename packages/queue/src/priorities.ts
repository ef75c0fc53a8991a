import type { Priority } from '@llm-engine/contracts';

/**
 * BullMQ priorities, lower first, 1 to 2,097,151. The classes lie far apart: inside one there is room to spread tenants out.
 * Every job has one, since jobs without a priority would always run before those with one.
 */
export const CLASS_BASE: Readonly<Record<Priority, number>> = {
  interactive: 1,
  standard: 700_000,
  bulk: 1_400_000,
};

/** BullMQ's score of a waiting job is its priority times 2^32, plus a counter that keeps the order of submission. */
export const PRIORITY_SCORE_FACTOR = 2 ** 32;
