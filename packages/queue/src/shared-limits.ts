import type { QueueConnection } from './connection.ts';

/** What is known of an endpoint that nobody has used for this long is forgotten. */
const KEPT_MS = 3_600_000;
/** Many processes take turns within milliseconds, so that one that loses so often meets something else. */
const TRIES = 20;

/** As it was when this process last saw it; `text` is empty where there is none. */
interface Seen {
  readonly text: string;
  /** How far this machine's clock is behind Redis's, in milliseconds. */
  readonly skewMs: number;
}

/**
 * The documents in which workers agree on how many requests an endpoint takes and who may have how many, one document an
 * endpoint. A change is made on the newest one or not at all, in one round trip where nobody else made one since.
 */
export class SharedLimits {
  readonly #connection: QueueConnection;
  readonly #seen = new Map<string, Seen>();

  constructor(connection: QueueConnection) {
    this.#connection = connection;
  }

  /**
   * Changes the document of that name. `change` gets it as it is, undefined where there is none or it is no JSON, and the
   * time by Redis's clock in Unix milliseconds; it is called again when another process was faster.
   */
  async update(name: string, change: (document: unknown, now: number) => object): Promise<void> {
    for (let left = TRIES; left > 0; left -= 1) {
      const seen = this.#seen.get(name) ?? (await this.#swap(name, undefined)).seen;
      const next = JSON.stringify(change(parse(seen.text), Date.now() + seen.skewMs));
      if ((await this.#swap(name, { before: seen.text, next })).done) return;
    }
    throw new Error(`The limit '${name}' was changed by others ${TRIES} times in a row.`);
  }

  /** Only looks, where nothing is to be swapped. */
  async #swap(name: string, texts: { readonly before: string; readonly next: string } | undefined) {
    const { redis, keys } = this.#connection;
    const [done, text, now] = await redis.swapText(
      keys.limit(name),
      texts === undefined ? 0 : 1,
      texts?.before ?? '',
      texts?.next ?? '',
      KEPT_MS,
    );
    const seen = { text: done === 1 ? (texts?.next ?? '') : text, skewMs: now - Date.now() };
    this.#seen.set(name, seen);
    return { done: done === 1, seen };
  }
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    // None, or not ours: it is made anew.
    return undefined;
  }
}
