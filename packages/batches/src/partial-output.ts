import type { BatchRow, ChunkRow, ChunkTable, ObjectStore } from '@llm-engine/storage';
import { chunkObject } from './object-keys.ts';
import { ChunkResults } from './results.ts';

interface PartialOutputTools {
  readonly chunks: ChunkTable;
  readonly objects: Pick<ObjectStore, 'read'>;
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
    yield* await outputOf(chunk, tools);
    after = chunk.number;
  }
}

async function outputOf(chunk: ChunkRow, { chunks, objects }: PartialOutputTools): Promise<AsyncIterable<Uint8Array>> {
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
    return outputOf(now, { chunks, objects });
  }
  return onceEach(pieces);
}

const NOTHING = onceEach([]);

function onceEach(pieces: readonly Uint8Array[]): AsyncIterable<Uint8Array> {
  return {
    async *[Symbol.asyncIterator]() {
      yield* pieces;
    },
  };
}
