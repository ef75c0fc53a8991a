import { open } from 'node:fs/promises';
import { basename } from 'node:path';
import { EngineError } from '@llm-engine/contracts';
import { BatchHandle } from './batch-handle.ts';
import type { BatchFile, BatchTools } from './batch-handle.ts';

const DEFAULT_WINDOW = '24h';
const DEFAULT_NAME = 'batch.jsonl';

/** Keeps the bytes, and makes a batch of them. Nothing is left of a batch that is refused. */
export async function submitFile(batch: BatchFile, tools: BatchTools): Promise<BatchHandle> {
  const { owner, batches, files, asking } = tools;
  const { endpoint, completionWindow = DEFAULT_WINDOW, metadata, priority } = batch;
  const { filename, source } = await read(batch.file);
  const input = await asking(() => files.create({ owner, purpose: 'batch', filename, source }));
  try {
    const { id } = await asking(() =>
      batches.create(owner, {
        input_file_id: input.id,
        endpoint,
        completion_window: completionWindow,
        ...(metadata && { metadata }),
        ...(priority && { priority }),
      }),
    );
    return new BatchHandle(id, tools);
  } catch (error) {
    // A file that is left over is not worth another error: what is wrong with the batch is what the caller needs to know.
    await files.delete(owner, input.id).catch(() => undefined);
    throw error;
  }
}

async function read(file: BatchFile['file']): Promise<{ filename: string; source: AsyncIterable<Uint8Array> }> {
  if (typeof file !== 'string') return { filename: DEFAULT_NAME, source: file };
  try {
    const opened = await open(file);
    return { filename: basename(file), source: opened.createReadStream() };
  } catch (cause) {
    const { code = String(cause) } = cause as NodeJS.ErrnoException;
    throw new EngineError('invalid_request', `The file '${file}' cannot be read: ${code}.`, { param: 'file', cause });
  }
}
