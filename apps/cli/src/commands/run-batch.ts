import { randomUUID } from 'node:crypto';
import type { BatchesClient } from '../client/batches-client.ts';
import type { FilesClient } from '../client/files-client.ts';
import { patiently } from '../client/patiently.ts';
import type { WireBatch } from '../client/wire-batches.ts';
import { usageError } from '../command-error.ts';
import { StopSignals } from '../engine/stop-signals.ts';
import { EXIT } from '../exit-codes.ts';
import type { ExitCode } from '../exit-codes.ts';
import { formatBytes } from '../output/bytes.ts';
import type { Terminal } from '../output/terminal.ts';
import type { BatchFlags } from './batch.ts';
import { batchesClient, filesClient } from './batch-options.ts';
import { placesOf } from './batch-results.ts';
import type { CommandContext } from './context.ts';
import { openInput, peekEndpoint } from './input-file.ts';
import { uploadFile } from './upload-file.ts';
import { watchBatch } from './watch-batch.ts';

interface SubmitOptions {
  readonly batches: BatchesClient;
  readonly files: FilesClient;
  readonly terminal: Terminal;
  readonly stop: AbortSignal;
}

/** A batch whose making was not answered is made again, under its key, for so long. */
const CREATE_PATIENCE_MS = 30_000;
/** The engine reads the file in any case, and says of each line what is wrong with it. */
const FALLBACK_ENDPOINT = '/v1/chat/completions';

export async function runBatch(path: string, flags: BatchFlags, { terminal, env }: CommandContext): Promise<ExitCode> {
  const { wait, json = false } = flags;
  if (!wait && (flags.out ?? flags.errors) !== undefined) {
    throw usageError(
      '--no-wait brings no results: leave out --out and --errors, and give them to llm-engine batches watch.',
    );
  }
  const places = await placesOf(flags);
  using stopped = new StopSignals();
  const stop = stopped.signal;
  const [batches, files] = [await batchesClient(flags, env), await filesClient(flags, env)];

  const batch = await submit(path, flags, { batches, files, terminal, stop });
  if (batch === undefined) {
    terminal.note('Stopped; no batch was made.');
    return EXIT.interrupted;
  }
  // Awaited here: signals are heard until the function returns.
  if (wait) return await watchBatch(batch, { batches, files, terminal, places, json, stop, inputName: path });
  if (json) terminal.json(batch);
  else terminal.print(batch.id);
  return EXIT.ok;
}

/** Undefined when it was stopped before there was a batch. */
async function submit(path: string, flags: BatchFlags, options: SubmitOptions): Promise<WireBatch | undefined> {
  const { batches, files, terminal, stop } = options;
  const { endpoint, window, priority, metadata } = flags;
  const remark = (text: string) => terminal.note(terminal.paintNote.dim(text));
  try {
    const file = await openInput(path, stop);
    const { endpoint: named, content } = await peekEndpoint(file.content);
    const { id, bytes } = await uploadFile(files, { ...file, content }, { terminal, signal: stop, purpose: 'batch' });
    remark(`Uploaded ${path} as ${id} (${formatBytes(bytes)}).`);
    stop.throwIfAborted();

    const request = {
      input_file_id: id,
      endpoint: endpoint ?? named ?? FALLBACK_ENDPOINT,
      completion_window: window,
      ...(priority !== undefined && { priority }),
      ...(metadata !== undefined && { metadata: { ...metadata } }),
    };
    const key = randomUUID();
    // Not stopped: nobody would know whether there is a batch.
    const batch = await patiently(() => batches.create(request, key), {
      patienceMs: CREATE_PATIENCE_MS,
      onLost: () => remark('The engine does not answer; asking again.'),
    });
    remark(`Made ${batch.id}.`);
    return batch;
  } catch (error) {
    if (stop.aborted && error === stop.reason) return undefined;
    throw error;
  }
}
