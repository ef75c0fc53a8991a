import type { BatchRequest } from '@llm-engine/contracts';
import type { z } from 'zod';
import { readBytes, readJson, send } from './http.ts';
import type { Request, Server } from './http.ts';
import { wireBatch, wireBatchPage } from './wire-batches.ts';
import type { WireBatch } from './wire-batches.ts';

/** An engine that takes longer for a small answer counts as away. */
const TIMEOUT_MS = 30_000;

/** The producer's batches over HTTP. Every method rejects with a `CommandError` that says what to do. */
export class BatchesClient {
  readonly #server: Server;

  constructor(server: Server) {
    this.#server = server;
  }

  /** The same key with the same request is the same batch. */
  create(request: BatchRequest, idempotencyKey: string): Promise<WireBatch> {
    const headers = { 'idempotency-key': idempotencyKey };
    return this.#ask({ method: 'POST', path: '/v1/batches', body: request, headers }, wireBatch);
  }

  get(id: string, signal?: AbortSignal): Promise<WireBatch> {
    return this.#ask({ path: pathOf(id), ...(signal !== undefined && { signal }) }, wireBatch);
  }

  list(filter: { readonly after?: string; readonly limit: number }) {
    return this.#ask({ path: '/v1/batches', query: { ...filter } }, wireBatchPage);
  }

  /** `retry` resolves with the new batch, of the lines that failed. */
  act(action: 'cancel' | 'pause' | 'resume' | 'retry', id: string): Promise<WireBatch> {
    return this.#ask({ method: 'POST', path: `${pathOf(id)}/${action}` }, wireBatch);
  }

  /** The results of the lines that have succeeded so far. */
  async *output(id: string): AsyncGenerator<Uint8Array> {
    yield* readBytes(this.#server, await send(this.#server, { path: `${pathOf(id)}/output` }));
  }

  async #ask<T>(request: Request, schema: z.ZodType<T>): Promise<T> {
    return readJson(this.#server, await send(this.#server, { timeoutMs: TIMEOUT_MS, ...request }), schema);
  }
}

function pathOf(id: string): string {
  return `/v1/batches/${encodeURIComponent(id)}`;
}
