import { newId } from '@llm-engine/contracts';
import type { NodePgDatabase } from 'drizzle-orm/node-postgres';
import { events } from './schema.ts';
import type * as schema from './schema.ts';

interface NewEvent {
  /** Such as `batch.completed`. */
  readonly type: string;
  /** Id of what it happened to. */
  readonly subject: string;
  readonly owner: string;
  readonly at: Date;
}

/** Notes an event in the transaction that it tells of, to be delivered at once: neither is there without the other. */
export async function recordEvent(
  tx: Pick<NodePgDatabase<typeof schema>, 'insert'>,
  { type, subject, owner, at }: NewEvent,
): Promise<void> {
  await tx.insert(events).values({ id: newId('evt_'), type, subject, owner, createdAt: at, deliverAt: at });
}
