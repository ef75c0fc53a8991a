import { AbortMultipartUploadCommand, CreateMultipartUploadCommand } from '@aws-sdk/client-s3';
import type { S3Client } from '@aws-sdk/client-s3';
import { Upload } from '@aws-sdk/lib-storage';
import type { Options } from '@aws-sdk/lib-storage';

/** At most three parts are on their way at a time: about 40 MB of memory. 10,000 parts make 80 GB at most. */
const PART_BYTES = 8 * 1024 * 1024;
const PARTS_AT_ONCE = 3;
/** How long a write that fails may take to leave nothing behind. What it leaves all the same is swept later. */
const ORDERLY_END_MS = 5_000;

/** Stores a body: at once when it is small, else in parts, which are taken back when it fails or the signal aborts. */
export async function upload(
  client: S3Client,
  params: Options['params'],
  signal: AbortSignal | undefined,
): Promise<void> {
  const obedient = signal === undefined ? client : obeying(client, signal);
  await new Upload({ client: obedient, params, partSize: PART_BYTES, queueSize: PARTS_AT_ONCE }).done();
}

/**
 * An `Upload` that is aborted leaves its requests alone, and its parts where they are. So it is not told: its requests are
 * aborted, and it fails. The two that make for an orderly end have a moment longer.
 */
function obeying(client: S3Client, signal: AbortSignal): S3Client {
  const send = async (command: Parameters<S3Client['send']>[0]): Promise<unknown> => {
    // The id of an upload that is begun has to be learnt: without it, it cannot be taken back.
    const orderly = command instanceof CreateMultipartUploadCommand || command instanceof AbortMultipartUploadCommand;
    using end = orderly ? later(signal, ORDERLY_END_MS) : undefined;
    return await client.send(command, { abortSignal: end?.signal ?? signal });
  };
  return Object.assign(Object.create(client) as S3Client, { send });
}

/** A signal that aborts some time after another one. */
function later(signal: AbortSignal, ms: number): Disposable & { readonly signal: AbortSignal } {
  const stop = new AbortController();
  let timer: NodeJS.Timeout | undefined;
  const onAbort = (): void => {
    timer = setTimeout(() => stop.abort(signal.reason), ms);
  };
  if (signal.aborted) onAbort();
  else signal.addEventListener('abort', onAbort, { once: true });
  return {
    signal: stop.signal,
    [Symbol.dispose]: () => {
      signal.removeEventListener('abort', onAbort);
      clearTimeout(timer);
    },
  };
}
