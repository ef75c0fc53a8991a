import type { ServerResponse } from 'node:http';
import type { FastifyReply } from 'fastify';

export interface ServerSentEvent {
  readonly id?: number;
  readonly event?: string;
  /** One line. */
  readonly data: string;
}

/** Proxies close a connection on which nothing has moved for a minute or less. */
const KEEP_ALIVE_MS = 15_000;

/**
 * An answer that is sent event by event.
 * 1. Takes the response over from Fastify, headers included.
 * 2. Waits for a client that reads slowly, instead of holding its events in memory.
 * 3. Keeps the connection alive with comments while there is nothing to send.
 */
export class EventStream {
  readonly #response: ServerResponse;
  readonly #timer: NodeJS.Timeout;

  private constructor(response: ServerResponse, keepAliveMs: number) {
    this.#response = response;
    this.#timer = setInterval(() => response.write(': keep-alive\n\n'), keepAliveMs).unref();
    response.once('close', () => clearInterval(this.#timer));
  }

  static open(
    reply: FastifyReply,
    { keepAliveMs = KEEP_ALIVE_MS }: { readonly keepAliveMs?: number } = {},
  ): EventStream {
    reply.hijack();
    reply.headers({
      'content-type': 'text/event-stream; charset=utf-8',
      'cache-control': 'no-cache, no-transform',
      // nginx would hold events back until it has a buffer full of them.
      'x-accel-buffering': 'no',
    });
    for (const [name, value] of Object.entries(reply.getHeaders())) {
      if (value !== undefined) reply.raw.setHeader(name, value);
    }
    reply.raw.writeHead(200);
    reply.raw.flushHeaders();
    return new EventStream(reply.raw, keepAliveMs);
  }

  /** Resolves when there is room for more, or nobody left to read it. */
  async send({ id, event, data }: ServerSentEvent): Promise<void> {
    const response = this.#response;
    this.#timer.refresh();
    this.#gather();
    const head = (id === undefined ? '' : `id: ${id}\n`) + (event === undefined ? '' : `event: ${event}\n`);
    const room = response.write(`${head}data: ${data}\n\n`);
    if (room || response.destroyed) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    response.once('drain', resolve).once('close', resolve);
    await promise;
    response.off('drain', resolve).off('close', resolve);
  }

  end(): void {
    clearInterval(this.#timer);
    this.#response.end();
  }

  /** Events that come in one go leave in one packet. */
  #gather(): void {
    if (this.#response.writableCorked > 0) return;
    this.#response.cork();
    process.nextTick(() => this.#response.uncork());
  }
}
