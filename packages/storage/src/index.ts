export type { ByteRange, ObjectStore, StoredObject, WriteOptions } from './objects/object-store.ts';
export { BatchTable, usageOf } from './database/batch-table.ts';
export type { BatchPage, BatchPlan, BatchTally, ChunkPlan, NewBatch } from './database/batch-table.ts';
export { ChunkTable, takesLines } from './database/chunk-table.ts';
export type { ChunkHold, Claim, LineTokens, Part, ResultPlace } from './database/chunk-table.ts';
export { Database } from './database/database.ts';
export type { DatabaseOptions } from './database/database.ts';
export { isStorageOutage, storageOutage } from './database/outage.ts';
export type { BatchRow, ChunkRow, EventRow, FileRow, GroupJobRow, GroupMetric, GroupRow } from './database/schema.ts';
