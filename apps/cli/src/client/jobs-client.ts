import type { z } from 'zod';
import { readJson, send } from './http.ts';
import type { Request, Server } from './http.ts';
import { openJobStream } from './job-stream.ts';
import type { JobStreamEvent } from './job-stream.ts';
import { wireAccepted, wireJob, wireJobPage, wireModels, wireRetried } from './wire.ts';
import type { WireAccepted, WireJob, WireJobPage, WireModel } from './wire.ts';

export interface ListFilter {
  readonly state?: string;
  readonly kind?: string;
  readonly queue?: string;
  readonly model?: string;
  readonly after?: string;
  readonly limit?: number;
}

export interface RetryFilter {
  readonly queue?: string;
  readonly model?: string;
  readonly code?: string;
}

/** The producer's jobs over HTTP. Every method rejects with a `CommandError` that says what to do. */
export class JobsClient {
  readonly #server: Server;

  constructor(server: Server) {
    this.#server = server;
  }

  /** The same key with the same submission is the same job. */
  submit(submission: unknown): Promise<WireAccepted> {
    return this.#ask({ method: 'POST', path: '/v1/jobs', body: submission }, wireAccepted);
  }

  get(id: string): Promise<WireJob> {
    return this.#ask({ path: pathOf(id) }, wireJob);
  }

  list(filter: ListFilter): Promise<WireJobPage> {
    return this.#ask({ path: '/v1/jobs', query: { ...filter } }, wireJobPage);
  }

  cancel(id: string): Promise<WireJob> {
    return this.#ask({ method: 'POST', path: `${pathOf(id)}/cancel` }, wireJob);
  }

  /** Resolves with the new job that tries the failed one again. */
  retry(id: string): Promise<WireJob> {
    return this.#ask({ method: 'POST', path: `${pathOf(id)}/retry` }, wireJob);
  }

  /** Resolves with how many. */
  async retryAll(filter: RetryFilter): Promise<number> {
    const request: Request = { method: 'POST', path: '/v1/dead-letters/retry', body: filter };
    return (await this.#ask(request, wireRetried)).retried;
  }

  async models(): Promise<readonly WireModel[]> {
    return (await this.#ask({ path: '/v1/models' }, wireModels)).data;
  }

  /** One connection to a job's stream, from the chunk after `after` on. It may end before the job does. */
  stream(
    id: string,
    options: { readonly after: number; readonly signal: AbortSignal },
  ): AsyncGenerator<JobStreamEvent> {
    return openJobStream(this.#server, `${pathOf(id)}/stream`, options);
  }

  async #ask<T>(request: Request, schema: z.ZodType<T>): Promise<T> {
    return readJson(this.#server, await send(this.#server, request), schema);
  }
}

function pathOf(id: string): string {
  return `/v1/jobs/${encodeURIComponent(id)}`;
}
