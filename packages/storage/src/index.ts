export type { ByteRange, ObjectStore, StoredObject, WriteOptions } from './objects/object-store.ts';
export type { BatchRow, ChunkRow, EventRow, FileRow, GroupJobRow, GroupMetric, GroupRow } from './database/schema.ts';
