import type { BatchEnd } from '@llm-engine/contracts';
import type { BatchRow, BatchTable, ChunkTable, FileRow, ObjectStore } from '@llm-engine/storage';
import { fileObject } from '@llm-engine/storage';
import { chunkLines } from './chunk-lines.ts';
import { parseRequestLine, resultId, resultLine } from './input/request-line.ts';
import { batchPrefix, chunkObject, resultFileId } from './object-keys.ts';
import type { Side } from './object-keys.ts';
import { inParallel } from './parallel.ts';
import { ChunkResults } from './results.ts';
import { sealChunk } from './seal.ts';
import { startingWith } from './starting-with.ts';

export interface FinaliseTools {
  readonly batches: BatchTable;
  readonly chunks: ChunkTable;
  readonly objects: ObjectStore;
}

const CHUNKS_AT_ONCE = 4;
const DELETED_AT_ONCE = 1_000;

const NEVER_RUN: Readonly<Record<'cancelled' | 'expired', { readonly code: string; readonly message: string }>> = {
  cancelled: { code: 'batch_cancelled', message: 'The batch was cancelled before this line was run.' },
  expired: { code: 'batch_expired', message: 'The completion window of the batch ended before this line was run.' },
};

/**
 * Makes the output file and the error file of a batch that has stopped, and ends it. Every line is in exactly one of them, in
 * the order of the input. Run twice, or twice at once, it does the same. Undefined when the batch is not to be finalised.
 */
export async function finaliseBatch(
  batchId: string,
  tools: FinaliseTools,
  now: () => Date = () => new Date(),
): Promise<BatchEnd | undefined> {
  const { batches, chunks, objects } = tools;
  const batch = await batches.get(batchId);
  if (batch?.ending == null || (batch.status !== 'finalizing' && batch.status !== 'cancelling')) return undefined;
  await inParallel(await chunks.unsealed(batchId), CHUNKS_AT_ONCE, (number) => closeChunk(batch, number, tools));
  const [output, error] = [
    await assemble(batch, 'output', tools, now()),
    await assemble(batch, 'errors', tools, now()),
  ];
  const ended = await batches.finish(batchId, { output, error }, now());
  await deleteAll(objects, batchPrefix(batchId));
  return ended ? batch.ending : undefined;
}

/** Seals a chunk with the lines that have ended; the others go to the errors. Whoever still runs it records nothing more. */
async function closeChunk(batch: BatchRow, number: number, { chunks, objects }: FinaliseTools): Promise<void> {
  const claim = await chunks.claim(batch.id, number, { closing: true });
  if (claim === undefined) return;
  const results = new ChunkResults(chunks, claim, claim.results);
  const { lines } = claim.chunk;
  const neverRun = lines - results.size;
  if (neverRun > 0) {
    const error = NEVER_RUN[batch.ending === 'expired' ? 'expired' : 'cancelled'];
    const input = await chunkLines(objects, batch.inputFileId, claim.chunk);
    for (const [line, bytes] of input.entries()) {
      if (results.has(line)) continue;
      const { customId } = parseRequestLine(bytes);
      const id = resultId(batch.id, number, line);
      results.keep(line, true, Buffer.from(resultLine({ id, customId }, { kind: 'unanswered', error })));
    }
  }
  await sealChunk({ hold: claim, lines, results, neverRun }, { chunks, objects });
}

/** One file of all chunks; undefined when it would be empty. */
async function assemble(batch: BatchRow, side: Side, tools: FinaliseTools, now: Date): Promise<FileRow | undefined> {
  const id = resultFileId(batch.id, side);
  const pieces = sealedBytes(batch.id, side, tools);
  const first = await pieces.next();
  if (first.done === true) return undefined;
  // A write that fails may not have begun to read: what is open to be read would stay open.
  const bytes = await tools.objects
    .write(fileObject(id), startingWith(first.value, pieces))
    .finally(() => pieces.return(undefined));
  return {
    id,
    owner: batch.owner,
    purpose: 'batch_output',
    filename: `${batch.id}_${side}.jsonl`,
    bytes,
    createdAt: now,
    expiresAt: batch.outputExpiresAfter === null ? null : new Date(now.getTime() + batch.outputExpiresAfter * 1_000),
  };
}

async function* sealedBytes(
  batchId: string,
  side: Side,
  { chunks, objects }: Pick<FinaliseTools, 'chunks' | 'objects'>,
): AsyncGenerator<Uint8Array> {
  for (let after = -1; ;) {
    const page = await chunks.page(batchId, { after });
    for (const { number, sealedEpoch, outputBytes, errorBytes } of page) {
      if (sealedEpoch === null) throw new Error(`The chunk ${number} of the batch '${batchId}' is not sealed.`);
      after = number;
      const bytes = side === 'output' ? outputBytes : errorBytes;
      if (bytes > 0) yield* await objects.read(chunkObject(batchId, number, sealedEpoch, side));
    }
    if (page.length === 0) return;
  }
}

/** Deletes everything below the prefix. */
export async function deleteAll(objects: Pick<ObjectStore, 'list' | 'delete'>, prefix: string): Promise<void> {
  let keys: string[] = [];
  for await (const { key } of objects.list(prefix)) {
    keys.push(key);
    if (keys.length < DELETED_AT_ONCE) continue;
    await objects.delete(keys);
    keys = [];
  }
  await objects.delete(keys);
}
