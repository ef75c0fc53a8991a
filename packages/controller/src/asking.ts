import { isOutage } from '@llm-engine/queue';
import type { QueueConnection } from '@llm-engine/queue';
import { storageOutage } from '@llm-engine/storage';

/** Asks something of Redis or of the storage. */
export type Asking = <Value>(ask: () => Promise<Value>) => Promise<Value>;

/** Turns what they throw when they are out of reach, or full, into `queue_unavailable` and `storage_unavailable`. */
export function askingOf(connection: QueueConnection): Asking {
  return async (ask) => {
    try {
      return await ask();
    } catch (error) {
      throw storageOutage(error) ?? (isOutage(error) ? connection.unavailable(error) : error);
    }
  };
}
