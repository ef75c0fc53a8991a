import type { ChunkHold, ChunkTable, ObjectStore } from '@llm-engine/storage';
import { chunkObject } from './object-keys.ts';
import type { Side } from './object-keys.ts';
import type { ChunkResults } from './results.ts';
import { startingWith } from './starting-with.ts';

export interface SealOptions {
  readonly hold: ChunkHold;
  /** Lines of the chunk. */
  readonly lines: number;
  readonly results: ChunkResults;
  /** Results of lines that failed by not having been run. */
  readonly neverRun?: number;
}

export interface SealTools {
  readonly chunks: Pick<ChunkTable, 'seal'>;
  readonly objects: Pick<ObjectStore, 'write'>;
}

/** Results gathered before they are handed to the store, which is asked for each piece. */
const PIECE_BYTES = 256 * 1024;

/**
 * Writes the results of a chunk into two objects, in the order of the lines, and records that they are there.
 * False when the chunk has another owner, or is sealed: then the objects are garbage, which goes with the batch.
 */
export async function sealChunk(
  { hold, lines, results, neverRun = 0 }: SealOptions,
  { chunks, objects }: SealTools,
): Promise<boolean> {
  const write = async (side: Side): Promise<number> => {
    const pieces = inPieces(results.inOrder(lines, side === 'errors'));
    const first = await pieces.next();
    // Most chunks have no errors: an empty object would only be one more to read.
    if (first.done === true) return 0;
    return objects.write(chunkObject(hold.batchId, hold.number, hold.epoch, side), startingWith(first.value, pieces));
  };
  const [outputBytes, errorBytes] = await Promise.all([write('output'), write('errors')]);
  return chunks.seal(hold, { outputBytes, errorBytes, neverRun });
}

async function* inPieces(source: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  let gathered: Uint8Array[] = [];
  let bytes = 0;
  for await (const piece of source) {
    gathered.push(piece);
    bytes += piece.length;
    if (bytes < PIECE_BYTES) continue;
    yield Buffer.concat(gathered, bytes);
    gathered = [];
    bytes = 0;
  }
  if (bytes > 0) yield Buffer.concat(gathered, bytes);
}
