/** Everything that a batch keeps in the object store while it runs. */
export function batchPrefix(batchId: string): string {
  return `batches/${batchId}/`;
}

export type Side = 'output' | 'errors';

/** Sealed results of a chunk. The epoch is in the key, so that a sealer that comes late overwrites nothing. */
export function chunkObject(batchId: string, number: number, epoch: number, side: Side): string {
  return `${batchPrefix(batchId)}${number}-${epoch}.${side}`;
}

/** Ids of the files that a batch makes follow from its own, so that making them twice makes them once. */
export function resultFileId(batchId: string, side: Side): string {
  return `file-${batchId.slice('batch_'.length)}${side === 'output' ? 'o' : 'e'}`;
}
