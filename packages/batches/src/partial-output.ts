import { isBatchEnd } from '@llm-engine/contracts';
import type { BatchRow, BatchTable, ChunkRow, ChunkTable, ObjectStore } from '@llm-engine/storage';
import { fileObject } from '@llm-engine/storage';
import { chunkObject } from './object-keys.ts';
import { ChunkResults } from './results.ts';

interface PartialOutputTools {
  readonly batches: Pick<BatchTable, 'get'>;
  readonly chunks: ChunkTable;
  readonly objects: Pick<ObjectStore, 'read' | 'size'>;
}

/** The results of the lines of a batch that have succeeded so far, in the order of the input. */
export async function* readPartialOutput(
  { id }: Pick<BatchRow, 'id'>,
  tools: PartialOutputTools,
): AsyncGenerator<Uint8Array> {
  let after = -1;
  for (;;) {
    const [chunk] = await tools.chunks.page(id, { after, limit: 1 });
    if (chunk === undefined) return;
    let bytes: AsyncIterable<Uint8Array>;
    try {
      bytes = await outputOf(chunk, tools);
    } catch (error) {
      // When a batch ends its chunks go, and its output file is there.
      const rest = await outputFrom(chunk, tools);
      if (rest === undefined) throw error;
      yield* rest;
      return;
    }
    yield* bytes;
    after = chunk.number;
  }
}

async function outputOf(chunk: ChunkRow, tools: PartialOutputTools): Promise<AsyncIterable<Uint8Array>> {
  const { chunks, objects } = tools;
  const { batchId, number, lines, sealedEpoch, outputBytes } = chunk;
  if (sealedEpoch !== null) {
    return outputBytes === 0 ? NOTHING : objects.read(chunkObject(batchId, number, sealedEpoch, 'output'));
  }
  const recorded = await chunks.results(chunk);
  const results = new ChunkResults(chunks, chunk, recorded);
  // Read as a whole before any of it goes out: should the chunk be sealed meanwhile, nothing was said yet.
  const pieces: Uint8Array[] = [];
  try {
    for await (const piece of results.inOrder(lines, false)) pieces.push(piece);
  } catch (error) {
    const [now] = await chunks.page(batchId, { after: number - 1, limit: 1 });
    if (now?.sealedEpoch == null) throw error;
    return outputOf(now, tools);
  }
  return onceEach(pieces);
}

/** From this chunk on, what the output file of its batch holds; undefined while the batch has not ended. */
async function outputFrom(
  { batchId, number }: ChunkRow,
  { batches, chunks, objects }: PartialOutputTools,
): Promise<AsyncIterable<Uint8Array> | undefined> {
  const batch = await batches.get(batchId);
  if (batch === undefined || !isBatchEnd(batch.status)) return undefined;
  if (batch.outputFileId === null) return NOTHING;
  const before = number === 0 ? [] : await chunks.page(batchId, { limit: number });
  const start = before.reduce((bytes, { outputBytes }) => bytes + outputBytes, 0);
  const key = fileObject(batch.outputFileId);
  return objects.read(key, { start, end: (await objects.size(key)) ?? start });
}

const NOTHING = onceEach([]);

function onceEach(pieces: readonly Uint8Array[]): AsyncIterable<Uint8Array> {
  return {
    async *[Symbol.asyncIterator]() {
      yield* pieces;
    },
  };
}
