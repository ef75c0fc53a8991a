import { EngineError } from '@llm-engine/contracts';
import { throwIfAborted, untilAborted } from '../abort.ts';
import type { WriteOptions } from './object-store.ts';

/**
 * The bytes that a store takes in, read once:
 * - counts them, and refuses more than the limit;
 * - ends at the abort, also while the source has nothing to give;
 * - remembers its own failure, so that a store can tell it from one of the store.
 */
export class Intake implements AsyncIterable<Uint8Array> {
  readonly #source: AsyncIterable<Uint8Array>;
  readonly #maxBytes: number;
  readonly #signal: AbortSignal | undefined;
  #bytes = 0;
  #failure: { readonly error: unknown } | undefined;

  constructor(source: AsyncIterable<Uint8Array>, { maxBytes = Infinity, signal }: WriteOptions = {}) {
    this.#source = source;
    this.#maxBytes = maxBytes;
    this.#signal = signal;
  }

  /** How many have been taken so far. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Why there are no more: the source's error, the abort's reason, or `file_too_large`. */
  get failure(): { readonly error: unknown } | undefined {
    return this.#failure;
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Uint8Array, void, undefined> {
    const parts = this.#source[Symbol.asyncIterator]();
    let reading = true;
    try {
      for (;;) {
        const part = await this.#next(parts);
        if (part === undefined) {
          reading = false;
          return;
        }
        yield part;
      }
    } finally {
      // A source that hangs in its next part would also hang in its return: it is told, but not waited for.
      if (reading) void Promise.resolve(parts.return?.()).catch(() => undefined);
    }
  }

  async #next(parts: AsyncIterator<Uint8Array>): Promise<Uint8Array | undefined> {
    try {
      if (this.#signal !== undefined) throwIfAborted(this.#signal);
      const { done, value } = await (this.#signal === undefined
        ? parts.next()
        : untilAborted(parts.next(), this.#signal));
      if (done === true) return undefined;
      this.#bytes += value.byteLength;
      if (this.#bytes > this.#maxBytes) throw tooLarge(this.#maxBytes);
      return value;
    } catch (error) {
      this.#failure = { error };
      throw error;
    }
  }
}

function tooLarge(maxBytes: number): EngineError {
  return new EngineError(
    'file_too_large',
    `The file has more than ${maxBytes} bytes, which is the limit. Send a smaller one, or several.`,
  );
}
