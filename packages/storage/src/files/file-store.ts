import type { Readable } from 'node:stream';
import { EngineError, newId } from '@llm-engine/contracts';
import type { FilePurpose } from '@llm-engine/contracts';
import { and, asc, desc, eq, gt, inArray, isNull, lt, lte, notInArray, or } from '../database/drizzle-orm.ts';
import type { Database } from '../database/database.ts';
import { isStorageOutage } from '../database/outage.ts';
import { batches, files } from '../database/schema.ts';
import type { FileRow } from '../database/schema.ts';
import type { ByteRange, ObjectStore, WriteOptions } from '../objects/object-store.ts';
import { fileObject } from './file-object.ts';

export interface NewFile {
  readonly owner: string;
  readonly purpose: FilePurpose;
  readonly filename: string;
  /** Default: it stays until it is deleted. */
  readonly expiresAfterSeconds?: number;
}

interface FileSource extends WriteOptions {
  readonly source: AsyncIterable<Uint8Array>;
}

/** Bytes that are stored, of a file that is not there yet. */
export interface StagedFile {
  readonly bytes: number;
  /** Makes the file. */
  commit(file: NewFile): Promise<FileRow>;
  /** Removes the bytes. */
  discard(): Promise<void>;
}

export interface FileFilter {
  readonly purpose?: FilePurpose | undefined;
  /** By the time of their making; results of a batch count as made with the batch. Default `desc`. */
  readonly order?: 'asc' | 'desc' | undefined;
  /** Id of the last file of the page before. */
  readonly after?: string | undefined;
  readonly limit: number;
}

export interface FilePage {
  readonly rows: readonly FileRow[];
  readonly hasMore: boolean;
}

/** What is none of ours is not looked up: the database takes no text with a NUL in it. */
const FILE_ID = /^file-\w+$/;
const LIVE = ['validating', 'in_progress', 'finalizing', 'cancelling'] as const;
/** An object may be ahead of its row: only after this long it belongs to nobody. */
const ORPHAN_AGE_MS = 24 * 3_600_000;
const REMOVED_AT_ONCE = 500;

/**
 * Files: rows in the database, bytes in the object store.
 * 1. The bytes come first: a row never points to nothing.
 * 2. A file that a batch reads is neither deleted nor expired.
 * 3. What is past its time counts as gone at once, and is removed later.
 */
export class FileStore {
  readonly #database: Database;
  readonly #objects: ObjectStore;

  constructor(database: Database, objects: ObjectStore) {
    this.#database = database;
    this.#objects = objects;
  }

  /**
   * Stores bytes whose file will be named afterwards. Rejects with `file_too_large`, the signal's reason or the source's error,
   * and then nothing is left of them.
   */
  async stage(source: AsyncIterable<Uint8Array>, options: WriteOptions = {}): Promise<StagedFile> {
    const id = newId('file-');
    const bytes = await this.#objects.write(fileObject(id), source, options);
    return {
      bytes,
      commit: (file) => this.#insert(id, bytes, file),
      discard: () => this.#objects.delete([fileObject(id)]),
    };
  }

  /** Stages and commits. */
  async create({ source, maxBytes, signal, ...file }: NewFile & FileSource): Promise<FileRow> {
    const staged = await this.stage(source, { ...(maxBytes !== undefined && { maxBytes }), ...(signal && { signal }) });
    return staged.commit(file);
  }

  /** Throws `file_not_found`. */
  async get(owner: string, id: string, now: Date = new Date()): Promise<FileRow> {
    if (!FILE_ID.test(id)) throw notFound(id);
    const [row] = await this.#database.db
      .select()
      .from(files)
      .where(and(eq(files.id, id), eq(files.owner, owner), alive(now)));
    if (row === undefined) throw notFound(id);
    return row;
  }

  async list(
    owner: string,
    { purpose, order = 'desc', after, limit }: FileFilter,
    now = new Date(),
  ): Promise<FilePage> {
    const beyond = after === undefined ? undefined : order === 'desc' ? lt(files.id, after) : gt(files.id, after);
    const ofPurpose = purpose === undefined ? undefined : eq(files.purpose, purpose);
    const rows = await this.#database.db
      .select()
      .from(files)
      .where(and(eq(files.owner, owner), ofPurpose, beyond, alive(now)))
      .orderBy(order === 'desc' ? desc(files.id) : asc(files.id))
      .limit(limit + 1);
    return { rows: rows.slice(0, limit), hasMore: rows.length > limit };
  }

  /** The bytes of a file, or a range of them. Throws `file_not_found`, `object_missing`. */
  async content(owner: string, id: string, range?: ByteRange): Promise<Readable> {
    await this.get(owner, id);
    return this.#objects.read(fileObject(id), range);
  }

  /** Throws `file_not_found`, and `file_in_use` while a batch reads it. */
  async delete(owner: string, id: string): Promise<void> {
    if (!FILE_ID.test(id)) throw notFound(id);
    await this.#database.db.transaction(async (tx) => {
      // Locked, so that no batch takes it as its input between the look and the commit.
      const [row] = await tx
        .select({ id: files.id })
        .from(files)
        .where(and(eq(files.id, id), eq(files.owner, owner), alive(new Date())))
        .for('update');
      if (row === undefined) throw notFound(id);
      const [reader] = await tx
        .select({ id: batches.id })
        .from(batches)
        .where(and(eq(batches.inputFileId, id), inArray(batches.status, [...LIVE])))
        .limit(1);
      if (reader !== undefined) {
        throw new EngineError(
          'file_in_use',
          `The batch '${reader.id}' reads the file '${id}'. Wait for its end, or cancel it first.`,
          { param: 'id' },
        );
      }
      await tx.delete(files).where(eq(files.id, id));
    });
    await this.#objects.delete([fileObject(id)]).catch((error: unknown) => {
      // The file is gone, and so the answer; its bytes are an orphan's, which the next look removes.
      if (!isStorageOutage(error)) throw error;
    });
  }

  /** Removes files whose time is over, but none that a batch reads. Resolves with how many. */
  async removeExpired(now: Date): Promise<number> {
    let removed = 0;
    for (;;) {
      const { found, gone } = await this.#removeExpiredRows(now);
      await this.#objects.delete(gone.map(fileObject));
      removed += gone.length;
      if (found < REMOVED_AT_ONCE) return removed;
    }
  }

  /** Removes bytes that no row points to: of uploads and deletions that were cut off. Resolves with how many objects. */
  async removeOrphans(now: Date): Promise<number> {
    const before = new Date(now.getTime() - ORPHAN_AGE_MS);
    await this.#objects.sweep(before);
    let removed = 0;
    let ids: string[] = [];
    const remove = async (): Promise<void> => {
      const known = await this.#database.db.select({ id: files.id }).from(files).where(inArray(files.id, ids));
      const kept = new Set(known.map(({ id }) => id));
      const orphans = ids.filter((id) => !kept.has(id));
      await this.#objects.delete(orphans.map(fileObject));
      removed += orphans.length;
      ids = [];
    };
    const prefix = fileObject('');
    for await (const { key, modifiedAt } of this.#objects.list(prefix)) {
      if (modifiedAt >= before) continue;
      ids.push(key.slice(prefix.length));
      if (ids.length === REMOVED_AT_ONCE) await remove();
    }
    if (ids.length > 0) await remove();
    return removed;
  }

  /** Once the rows are locked no batch takes them any more, and the next statement sees those that have. */
  async #removeExpiredRows(now: Date): Promise<{ readonly found: number; readonly gone: readonly string[] }> {
    return this.#database.db.transaction(async (tx) => {
      const read = tx
        .select({ id: batches.inputFileId })
        .from(batches)
        .where(inArray(batches.status, [...LIVE]));
      const due = await tx
        .select({ id: files.id })
        .from(files)
        .where(and(lte(files.expiresAt, now), notInArray(files.id, read)))
        .limit(REMOVED_AT_ONCE)
        .for('update', { skipLocked: true });
      const ids = due.map(({ id }) => id);
      const gone = await tx
        .delete(files)
        .where(and(inArray(files.id, ids), notInArray(files.id, read)))
        .returning({ id: files.id });
      return { found: due.length, gone: gone.map(({ id }) => id) };
    });
  }

  async #insert(
    id: string,
    bytes: number,
    { owner, purpose, filename, expiresAfterSeconds }: NewFile,
  ): Promise<FileRow> {
    const createdAt = new Date();
    const expiresAt =
      expiresAfterSeconds === undefined ? null : new Date(createdAt.getTime() + expiresAfterSeconds * 1_000);
    const row = { id, owner, purpose, filename, bytes, createdAt, expiresAt };
    await this.#database.db.insert(files).values(row);
    return row;
  }
}

function alive(now: Date) {
  return or(isNull(files.expiresAt), gt(files.expiresAt, now));
}

function notFound(id: string): EngineError {
  return new EngineError(
    'file_not_found',
    `There is no file '${id.slice(0, 64)}'. It may have expired; list files to see which there are.`,
    {
      param: 'id',
    },
  );
}
