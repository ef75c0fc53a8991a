import { randomUUID } from 'node:crypto';
import { constants } from 'node:fs';
import type { Stats } from 'node:fs';
import { access, mkdir, open, opendir, rename, rm, rmdir, stat, unlink } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { Readable } from 'node:stream';
import { throwIfAborted, untilAborted } from '../abort.ts';
import { Intake } from './intake.ts';
import { checkKey, checkPrefix, isKey } from './object-key.ts';
import type { ByteRange, ObjectStore, StoredObject, WriteOptions } from './object-store.ts';
import { relay } from './relay.ts';
import { missing, unavailable } from './store-errors.ts';

/** Where files lie while they are written. No key begins with a dot. */
const UNFINISHED = '.unfinished';
const BLOCK_BYTES = 256 * 1024;
const PLACING_TRIES = 10;

/**
 * Objects as the files of a folder, which may be shared by machines:
 * - writes a file aside, forces it to the disk and renames it to its key;
 * - removes folders that have become empty;
 * - takes the folder for unavailable, not for empty, when it is not the one that was opened (a disk that is not mounted).
 */
export class FolderStore implements ObjectStore {
  readonly #folder: string;

  private constructor(folder: string) {
    this.#folder = folder;
  }

  /** Makes the folder if it is not there. Rejects with `storage_unavailable`. */
  static async open(folder: string): Promise<FolderStore> {
    const store = new FolderStore(resolve(folder));
    await mkdir(store.#unfinished, { recursive: true }).catch((error: unknown) => {
      throw store.#unavailable('the folder cannot be made', error);
    });
    return store;
  }

  async write(key: string, source: AsyncIterable<Uint8Array>, options?: WriteOptions): Promise<number> {
    checkKey(key);
    const intake = new Intake(source, options);
    const aside = join(this.#unfinished, randomUUID());
    try {
      await writeWhole(aside, intake);
      await this.#place(aside, join(this.#folder, key));
      return intake.bytes;
    } catch (error) {
      await rm(aside, { force: true }).catch(() => {
        // The error of the write says more; what is left is swept.
      });
      if (intake.failure !== undefined) throw intake.failure.error;
      throw this.#unavailable(`the object '${key}' cannot be written`, error);
    }
  }

  async read(key: string, range?: ByteRange): Promise<Readable> {
    checkKey(key);
    const failed = (error: unknown): Error => this.#unavailable(`the object '${key}' cannot be read`, error);
    try {
      const bytes = await this.#open(key, range);
      if (bytes !== undefined) return relay(bytes, failed);
    } catch (error) {
      throw failed(error);
    }
    throw missing(this.#folder, key);
  }

  async size(key: string): Promise<number | undefined> {
    checkKey(key);
    return (await this.#stat(key))?.size;
  }

  async delete(keys: readonly string[]): Promise<void> {
    keys.forEach(checkKey);
    const folders = new Set<string>();
    for (const key of keys) {
      const path = join(this.#folder, key);
      try {
        await unlink(path).catch((error: unknown) => this.#ifHere(error));
        folders.add(dirname(path));
      } catch (error) {
        throw this.#unavailable(`the object '${key}' cannot be deleted`, error);
      }
    }
    for (const folder of folders) await this.#tidy(folder);
  }

  async *list(prefix: string): AsyncGenerator<StoredObject, void, undefined> {
    checkPrefix(prefix);
    try {
      yield* this.#walk(prefix.slice(0, prefix.lastIndexOf('/') + 1), prefix);
    } catch (error) {
      throw this.#unavailable(`the objects under '${prefix}' cannot be listed`, error);
    }
  }

  async sweep(before: Date): Promise<number> {
    let swept = 0;
    try {
      for await (const { name } of await opendir(this.#unfinished)) {
        const path = join(this.#unfinished, name);
        const left = await ifThere(stat(path));
        if (left === undefined || left.mtime >= before) continue;
        await rm(path, { force: true });
        swept += 1;
      }
    } catch (error) {
      throw this.#unavailable('what killed writers left cannot be removed', error);
    }
    return swept;
  }

  async check(signal: AbortSignal): Promise<void> {
    throwIfAborted(signal);
    const usable = access(this.#unfinished, constants.R_OK | constants.W_OK | constants.X_OK);
    await untilAborted(
      usable.catch((error: unknown) => {
        throw this.#unavailable('nothing can be written', error);
      }),
      signal,
    );
  }

  async [Symbol.asyncDispose](): Promise<void> {
    // A folder holds nothing open.
  }

  get #unfinished(): string {
    return join(this.#folder, UNFINISHED);
  }

  #unavailable(task: string, error: unknown): Error {
    return unavailable(this.#folder, task, error);
  }

  /** Another writer may tidy the folder away between its making and the rename: then it is made again. */
  async #place(aside: string, path: string): Promise<void> {
    const folder = dirname(path);
    for (let tries = 1; ; tries += 1) {
      await mkdir(folder, { recursive: true });
      try {
        await rename(aside, path);
        await syncFolders(folder, this.#folder);
        return;
      } catch (error) {
        if (!isAbsent(error) || tries === PLACING_TRIES) throw error;
      }
    }
  }

  /** The length is that of the file that was opened, also when another takes its place meanwhile. */
  async #open(key: string, range: ByteRange | undefined): Promise<Readable | undefined> {
    const file = await open(join(this.#folder, key)).catch((error: unknown) => this.#ifHere(error));
    if (file === undefined) return undefined;
    let stream: Readable | undefined;
    try {
      const found = await file.stat();
      if (!found.isFile()) return undefined;
      const start = range?.start ?? 0;
      const end = Math.min(range?.end ?? Infinity, found.size);
      if (start >= end) return Readable.from([]);
      stream = file.createReadStream({ start, end: end - 1, highWaterMark: BLOCK_BYTES });
      return stream;
    } finally {
      // The stream closes the file that it reads.
      if (stream === undefined) await file.close();
    }
  }

  async #stat(key: string): Promise<Stats | undefined> {
    try {
      const found = await stat(join(this.#folder, key)).catch((error: unknown) => this.#ifHere(error));
      return found?.isFile() === true ? found : undefined;
    } catch (error) {
      throw this.#unavailable(`the object '${key}' cannot be found`, error);
    }
  }

  /** Something is not there: that is an answer where the folder itself is, else an error. */
  async #ifHere(error: unknown): Promise<undefined> {
    if (!isAbsent(error)) throw error;
    await access(this.#unfinished);
  }

  async #tidy(folder: string): Promise<void> {
    for (let empty = folder; empty !== this.#folder; empty = dirname(empty)) {
      try {
        await rmdir(empty);
      } catch (error) {
        // Not empty, or another has begun to write into it. The objects are gone all the same, whatever is wrong.
        if (!isAbsent(error)) return;
      }
    }
  }

  /** Goes through the folder `under`, which is empty or ends in a slash. */
  async *#walk(under: string, prefix: string): AsyncGenerator<StoredObject, void, undefined> {
    try {
      for await (const entry of await opendir(join(this.#folder, under))) {
        const key = `${under}${entry.name}`;
        if (!isKey(key) || !key.startsWith(prefix)) continue;
        if (entry.isDirectory()) yield* this.#walk(`${key}/`, prefix);
        if (!entry.isFile()) continue;
        const found = await ifThere(stat(join(this.#folder, key)));
        if (found !== undefined) yield { key, bytes: found.size, modifiedAt: found.mtime };
      }
    } catch (error) {
      // The folder may be tidied away meanwhile.
      await this.#ifHere(error);
    }
  }
}

async function writeWhole(path: string, bytes: AsyncIterable<Uint8Array>): Promise<void> {
  await using file = await open(path, 'wx');
  for await (const block of inBlocks(bytes)) await file.writeFile(block);
  await file.sync();
}

/** Gathers small parts, such as lines: a write to the file for each would take most of the time. */
async function* inBlocks(parts: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array, void, undefined> {
  let gathered: Uint8Array[] = [];
  let bytes = 0;
  for await (const part of parts) {
    gathered.push(part);
    bytes += part.byteLength;
    if (bytes < BLOCK_BYTES) continue;
    yield gathered.length === 1 ? part : Buffer.concat(gathered, bytes);
    gathered = [];
    bytes = 0;
  }
  if (bytes > 0) yield Buffer.concat(gathered, bytes);
}

/** A new name survives a crash once its folder is on the disk too, and so for each folder above, which may be new as well. */
async function syncFolders(from: string, upTo: string): Promise<void> {
  for (let folder = from; ; folder = dirname(folder)) {
    await using handle = await open(folder);
    await handle.sync();
    if (folder === upTo) return;
  }
}

/** Undefined for what has been removed meanwhile. */
async function ifThere<T>(found: Promise<T>): Promise<T | undefined> {
  return found.catch((error: unknown) => {
    if (isAbsent(error)) return undefined;
    throw error;
  });
}

function isAbsent(error: unknown): boolean {
  const { code } = error as NodeJS.ErrnoException;
  return code === 'ENOENT' || code === 'ENOTDIR';
}
