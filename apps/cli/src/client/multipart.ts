import { randomUUID } from 'node:crypto';

interface FilePart {
  readonly filename: string;
  readonly content: AsyncIterable<Uint8Array>;
}

interface Multipart {
  readonly contentType: string;
  readonly content: AsyncIterable<Uint8Array>;
}

/** A form with one file, of any size. The fields come first, so that a server can refuse them before it has read the file. */
export function multipart(fields: Readonly<Record<string, string>>, { filename, content }: FilePart): Multipart {
  const boundary = `llm-engine-${randomUUID()}`;
  const head = Object.entries(fields)
    .map(
      ([name, value]) => `--${boundary}\r\nContent-Disposition: form-data; name="${escape(name)}"\r\n\r\n${value}\r\n`,
    )
    .join('');
  const fileHead =
    `--${boundary}\r\nContent-Disposition: form-data; name="file"; filename="${escape(filename)}"\r\n` +
    'Content-Type: application/octet-stream\r\n\r\n';
  return {
    contentType: `multipart/form-data; boundary=${boundary}`,
    content: enclose(`${head}${fileHead}`, content, `\r\n--${boundary}--\r\n`),
  };
}

async function* enclose(head: string, content: AsyncIterable<Uint8Array>, tail: string): AsyncGenerator<Uint8Array> {
  yield Buffer.from(head);
  yield* content;
  yield Buffer.from(tail);
}

/** As browsers write names in forms. */
function escape(name: string): string {
  return name.replaceAll('\r', '%0D').replaceAll('\n', '%0A').replaceAll('"', '%22');
}
