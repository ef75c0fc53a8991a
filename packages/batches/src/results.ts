import type { ChunkHold, ChunkTable, ResultPlace } from '@llm-engine/storage';

/** Parts up to this size are read whole, since their lines are wanted soon after one another. */
const WHOLE_BYTES = 1024 * 1024;
const KEPT_BYTES = 8 * 1024 * 1024;

/**
 * The results of the lines of one chunk, wherever they are: those that this process made lately in memory, the others in the
 * parts that were recorded. Holds at most some megabytes, whatever the size of the results.
 */
export class ChunkResults {
  readonly #chunks: Pick<ChunkTable, 'read'>;
  readonly #hold: Pick<ChunkHold, 'batchId' | 'number'>;
  readonly #places = new Map<number, ResultPlace>();
  readonly #kept = new Map<number, { readonly failed: boolean; readonly bytes: Buffer }>();
  readonly #parts = new Map<string, Promise<Uint8Array>>();
  readonly #partBytes = new Map<string, number>();
  #keptBytes = 0;
  #overflowed = false;

  constructor(
    chunks: Pick<ChunkTable, 'read'>,
    hold: Pick<ChunkHold, 'batchId' | 'number'>,
    recorded: readonly ResultPlace[],
  ) {
    this.#chunks = chunks;
    this.#hold = hold;
    this.reload(recorded);
  }

  has(line: number): boolean {
    return this.#places.has(line) || this.#kept.has(line);
  }

  get size(): number {
    return this.#places.size + this.#kept.size;
  }

  /** Keeps the result of a line that ended just now, as long as there is room. */
  keep(line: number, failed: boolean, bytes: Buffer): void {
    this.#keptBytes += bytes.length;
    if (this.#keptBytes > KEPT_BYTES) this.#overflowed = true;
    else this.#kept.set(line, { failed, bytes });
  }

  /** Whether some results of this process are in the database alone: then `reload` finds them. */
  get overflowed(): boolean {
    return this.#overflowed;
  }

  /** Takes these places for all there is. */
  reload(recorded: readonly ResultPlace[]): void {
    this.#kept.clear();
    this.#places.clear();
    this.#partBytes.clear();
    for (const place of recorded) {
      this.#places.set(place.line, place);
      this.#partBytes.set(keyOf(place), (this.#partBytes.get(keyOf(place)) ?? 0) + place.bytes);
    }
  }

  /** Results on one side, in the order of their lines. */
  async *inOrder(lines: number, failed: boolean): AsyncGenerator<Uint8Array> {
    for (let line = 0; line < lines; line += 1) {
      const kept = this.#kept.get(line);
      if (kept !== undefined) {
        if (kept.failed === failed) yield kept.bytes;
        continue;
      }
      const place = this.#places.get(line);
      if (place !== undefined && place.failed === failed) yield await this.#read(place);
    }
  }

  async #read(place: ResultPlace): Promise<Uint8Array> {
    const key = keyOf(place);
    const partBytes = this.#partBytes.get(key) ?? 0;
    if (partBytes > WHOLE_BYTES) return this.#chunks.read(this.#hold, place);
    let part = this.#parts.get(key);
    if (part === undefined) {
      part = this.#chunks.read(this.#hold, { ...place, offset: 0, bytes: partBytes });
      if (this.#parts.size * WHOLE_BYTES >= KEPT_BYTES) this.#parts.clear();
      this.#parts.set(key, part);
    }
    return (await part).subarray(place.offset, place.offset + place.bytes);
  }
}

function keyOf({ epoch, sequence }: ResultPlace): string {
  return `${epoch}-${sequence}`;
}
