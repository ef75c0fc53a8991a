import type { ObjectStore } from '@llm-engine/storage';
import { fileObject } from '@llm-engine/storage';
import { readLines } from './input/lines.ts';

interface FailedLinesOptions {
  readonly objects: Pick<ObjectStore, 'read'>;
  readonly inputFileId: string;
  readonly errorFileId: string;
}

/**
 * The lines of an input file whose results are in the error file. Both are in the same order, so they are read side by side:
 * neither is held in memory.
 */
export async function* failedLines({
  objects,
  inputFileId,
  errorFileId,
}: FailedLinesOptions): AsyncGenerator<Uint8Array> {
  const failed = customIds(await objects.read(fileObject(errorFileId)));
  let wanted = await failed.next();
  for await (const lines of readLines(await objects.read(fileObject(inputFileId)), { maxLineBytes: Infinity })) {
    if (wanted.done === true) return;
    const copied: Uint8Array[] = [];
    for (const line of lines) {
      if (wanted.done === true || line.kind !== 'text' || customIdOf(line.bytes) !== wanted.value) continue;
      copied.push(line.bytes, NEWLINE);
      wanted = await failed.next();
    }
    if (copied.length > 0) yield Buffer.concat(copied);
  }
}

const NEWLINE = Buffer.from('\n');

async function* customIds(source: AsyncIterable<Uint8Array>): AsyncGenerator<string> {
  for await (const lines of readLines(source, { maxLineBytes: Infinity })) {
    const ids = lines.flatMap((line) => (line.kind === 'text' ? [customIdOf(line.bytes)] : []));
    yield* ids;
  }
}

/** Both files were written or validated by the engine. */
function customIdOf(bytes: Buffer): string {
  return (JSON.parse(bytes.toString('utf8')) as { custom_id: string }).custom_id;
}
