import type { Readable } from 'node:stream';

export interface ByteRange {
  /** The first byte, from 0. */
  readonly start: number;
  /** The byte after the last. */
  readonly end: number;
}

export interface StoredObject {
  readonly key: string;
  readonly bytes: number;
  readonly modifiedAt: Date;
}

export interface WriteOptions {
  /** More bytes are refused with `file_too_large`, and nothing is stored. */
  readonly maxBytes?: number;
  readonly signal?: AbortSignal;
}

/**
 * Bytes by key, such as `files/file-1`: a folder, or an S3-compatible store. Nothing is ever held in memory as a whole.
 * Every method rejects with `storage_unavailable` when the store cannot be reached or refuses, and with `internal_error`
 * for a key that is not names of letters, digits, `.`, `_` and `-`, joined by `/`. No key may go on below another:
 * `a` and `a/b` cannot both be there.
 */
export interface ObjectStore extends AsyncDisposable {
  /**
   * Stores the bytes under the key, in place of what was there. Whole or not at all: when the source fails, or the signal
   * aborts, what was there before is still there. Resolves with the number of bytes, once they would survive a crash.
   */
  write(key: string, source: AsyncIterable<Uint8Array>, options?: WriteOptions): Promise<number>;

  /**
   * The bytes, or a range of them; what of a range lies past the end is left out. Rejects with `object_missing`, which
   * names the key. The stream fails with `storage_unavailable`.
   */
  read(key: string, range?: ByteRange): Promise<Readable>;

  /** In bytes. Undefined for a key that is not there. */
  size(key: string): Promise<number | undefined>;

  /** A key that is not there counts as deleted. */
  delete(keys: readonly string[]): Promise<void>;

  /** Everything whose key begins with the prefix, in no order. */
  list(prefix: string): AsyncIterable<StoredObject>;

  /** Removes what writers that began before then and were killed have left behind. Resolves with how many there were. */
  sweep(before: Date): Promise<number>;

  /** Rejects when the store cannot be used now. Cheap: for a probe. */
  check(signal: AbortSignal): Promise<void>;
}
