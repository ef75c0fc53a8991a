import { PassThrough } from 'node:stream';
import type { Readable } from 'node:stream';

/** The same bytes, where the stream's failure comes as the store words it. To destroy either ends both. */
export function relay(source: Readable, worded: (error: unknown) => Error): Readable {
  const bytes = new PassThrough({ highWaterMark: source.readableHighWaterMark });
  // A reader may come after the failure: it meets it then. Without a listener until then the process would end.
  bytes.on('error', () => undefined);
  source.once('error', (error) => bytes.destroy(worded(error)));
  // Without an end and without an error: the connection closed in the middle.
  source.once('close', () => {
    if (!source.readableEnded && !bytes.destroyed) bytes.destroy(worded(new Error('the bytes ended too early')));
  });
  bytes.once('close', () => source.destroy());
  return source.pipe(bytes);
}
