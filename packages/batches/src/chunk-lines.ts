import { buffer } from 'node:stream/consumers';
import { EngineError } from '@llm-engine/contracts';
import type { ChunkRow, ObjectStore } from '@llm-engine/storage';
import { fileObject } from '@llm-engine/storage';
import { readLines } from './input/lines.ts';

/** The lines of a chunk, without those that are blank: as many as its row says. A chunk is some hundred kilobytes. */
export async function chunkLines(
  objects: Pick<ObjectStore, 'read'>,
  inputFileId: string,
  { number, lines, byteOffset, byteLength }: Pick<ChunkRow, 'number' | 'lines' | 'byteOffset' | 'byteLength'>,
): Promise<Buffer[]> {
  const range = { start: byteOffset, end: byteOffset + byteLength };
  const bytes = await buffer(await objects.read(fileObject(inputFileId), range));
  const found: Buffer[] = [];
  for await (const read of readLines(once(bytes), { maxLineBytes: Infinity })) {
    for (const line of read) if (line.kind === 'text') found.push(line.bytes);
  }
  if (found.length === lines) return found;
  throw new EngineError(
    'object_missing',
    `The chunk ${number} of the file '${inputFileId}' has ${found.length} lines in place of ${lines}: ` +
      'it is not the file that was validated. Upload it again, and make a new batch.',
  );
}

async function* once(bytes: Buffer): AsyncGenerator<Buffer> {
  yield bytes;
}
