import { and, asc, eq, isNotNull, isNull, lt, lte } from './drizzle-orm.ts';
import type { Database } from './database.ts';
import { events } from './schema.ts';
import type { EventRow } from './schema.ts';

/** What became of an attempt to deliver. */
interface Attempt {
  /** How many were made, this one included. */
  readonly attempts: number;
}

interface FailedAttempt extends Attempt {
  /** What the webhook answered, in words. */
  readonly lastError: string;
}

interface Postponement extends FailedAttempt {
  /** When the next one is due. */
  readonly deliverAt: Date;
}

/**
 * What happened, and whether it has been told. Rows are written by `recordEvent`, in the transaction that they tell of; what is
 * delivered stays delivered, whoever else still tries.
 */
export class EventTable {
  readonly #database: Database;

  constructor(database: Database) {
    this.#database = database;
  }

  /** Ids of the events whose delivery is due, the longest due first. */
  async due(now: Date, limit: number): Promise<string[]> {
    const rows = await this.#database.db
      .select({ id: events.id })
      .from(events)
      .where(lte(events.deliverAt, now))
      .orderBy(asc(events.deliverAt), asc(events.id))
      .limit(limit);
    return rows.map(({ id }) => id);
  }

  async get(id: string): Promise<EventRow | undefined> {
    const [row] = await this.#database.db.select().from(events).where(eq(events.id, id));
    return row;
  }

  /** Everything that happened to a batch, a group or a fine-tune, oldest first. */
  async of(subject: string): Promise<EventRow[]> {
    return this.#database.db.select().from(events).where(eq(events.subject, subject)).orderBy(asc(events.id));
  }

  /** The webhook has taken it. */
  async delivered(id: string, { attempts, at }: Attempt & { readonly at: Date }): Promise<void> {
    await this.#database.db
      .update(events)
      .set({ attempts, deliveredAt: at, deliverAt: null, lastError: null })
      .where(eq(events.id, id));
  }

  /** To be tried again later. */
  async postpone(id: string, postponement: Postponement): Promise<void> {
    await this.#database.db
      .update(events)
      .set(postponement)
      .where(and(eq(events.id, id), isNull(events.deliveredAt)));
  }

  /** Never to be tried again. */
  async giveUp(id: string, { attempts, lastError }: FailedAttempt): Promise<void> {
    await this.#database.db
      .update(events)
      .set({ attempts, deliverAt: null, lastError })
      .where(and(eq(events.id, id), isNull(events.deliveredAt)));
  }

  /** Gives up what happened before `before` and still waits to be told. Resolves with how many these were. */
  async giveUpOlder(before: Date, lastError: string): Promise<number> {
    const { rowCount } = await this.#database.db
      .update(events)
      .set({ deliverAt: null, lastError })
      .where(and(isNotNull(events.deliverAt), lt(events.createdAt, before)));
    return rowCount ?? 0;
  }
}
