import type { z } from 'zod';
import { readBytes, readJson, send } from './http.ts';
import type { Request, Server } from './http.ts';
import { multipart } from './multipart.ts';
import { sendContent } from './send-content.ts';
import { wireDeleted, wireFile, wireFilePage } from './wire-batches.ts';
import type { WireDeleted, WireFile } from './wire-batches.ts';

export interface Upload {
  readonly filename: string;
  readonly purpose: string;
  readonly content: AsyncIterable<Uint8Array>;
  /** Default: it stays until it is deleted. */
  readonly expiresAfterSeconds?: number;
  readonly signal?: AbortSignal;
}

/** The producer's files over HTTP. Every method rejects with a `CommandError` that says what to do. */
export class FilesClient {
  readonly #server: Server;

  constructor(server: Server) {
    this.#server = server;
  }

  /** Rejects with what the content rejects with, when that is a `CommandError`. */
  async upload({ filename, purpose, content, expiresAfterSeconds, signal }: Upload): Promise<WireFile> {
    const expiry = {
      'expires_after[anchor]': 'created_at',
      'expires_after[seconds]': String(expiresAfterSeconds),
    };
    const fields = { purpose, ...(expiresAfterSeconds !== undefined && expiry) };
    const form = multipart(fields, { filename, content });
    const response = await sendContent(this.#server, {
      ...form,
      path: '/v1/files',
      ...(signal !== undefined && { signal }),
    });
    return readJson(this.#server, response, wireFile);
  }

  get(id: string): Promise<WireFile> {
    return this.#ask({ path: pathOf(id) }, wireFile);
  }

  list(filter: { readonly purpose?: string; readonly after?: string; readonly limit: number }) {
    return this.#ask({ path: '/v1/files', query: { ...filter } }, wireFilePage);
  }

  delete(id: string): Promise<WireDeleted> {
    return this.#ask({ method: 'DELETE', path: pathOf(id) }, wireDeleted);
  }

  async *content(id: string, signal?: AbortSignal): AsyncGenerator<Uint8Array> {
    const path = `${pathOf(id)}/content`;
    const response = await send(this.#server, { path, ...(signal !== undefined && { signal }) });
    yield* readBytes(this.#server, response, signal);
  }

  async #ask<T>(request: Request, schema: z.ZodType<T>): Promise<T> {
    return readJson(this.#server, await send(this.#server, request), schema);
  }
}

function pathOf(id: string): string {
  return `/v1/files/${encodeURIComponent(id)}`;
}
