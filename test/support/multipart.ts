import type { Answer, ProducerClient } from './producer.ts';

/** A part of a multipart body: text, or bytes with a file name. */
export type FormPart = readonly [name: string, value: string | Uint8Array<ArrayBuffer>, filename?: string];

/** Uploads these parts, in this order. */
export function uploadParts(producer: ProducerClient, parts: readonly FormPart[]): Promise<Answer> {
  const body = new FormData();
  for (const [name, value, filename] of parts) {
    if (typeof value === 'string' && filename === undefined) body.append(name, value);
    else body.append(name, new Blob([value]), filename ?? 'blob');
  }
  return producer.request('/v1/files', { method: 'POST', body });
}

/** The text of a multipart body, for what no client would send. */
export function multipartText(boundary: string, parts: readonly string[]): string {
  return parts.map((part) => `--${boundary}\r\n${part.replaceAll('\n', '\r\n')}\r\n`).join('');
}
