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
/** Characters that are gathered at most before they are written. */
const GATHERED = 64 * 1024;

/**
 * An answer that is sent event by event.
 * 1. Takes the response over from Fastify, headers included.
 * 2. Writes events that come in one go in one go.
 * 3. Waits for a client that reads slowly, instead of holding its events in memory.
 * 4. Keeps the connection alive with comments while there is nothing to send.
 */
export class EventStream {
  readonly #response: ServerResponse;
  readonly #timer: NodeJS.Timeout;
  #gathered = '';

  private constructor(response: ServerResponse) {
    this.#response = response;
    this.#timer = setInterval(() => response.write(': keep-alive\n\n'), KEEP_ALIVE_MS).unref();
    response.once('close', () => clearInterval(this.#timer));
  }

  static open(reply: FastifyReply): EventStream {
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
    return new EventStream(reply.raw);
  }

  /** Resolves when there is room for more, or nobody left to read it. */
  async send({ id, event, data }: ServerSentEvent): Promise<void> {
    this.#timer.refresh();
    if (this.#gathered === '') process.nextTick(() => this.#write());
    if (id !== undefined) this.#gathered += `id: ${id}\n`;
    if (event !== undefined) this.#gathered += `event: ${event}\n`;
    this.#gathered += `data: ${data}\n\n`;
    if (this.#gathered.length >= GATHERED) this.#write();
    if (this.#response.writableNeedDrain && !this.#response.destroyed) await this.#room();
  }

  end(): void {
    clearInterval(this.#timer);
    this.#write();
    this.#response.end();
  }

  #write(): void {
    if (this.#gathered === '' || this.#response.destroyed) return;
    this.#response.write(this.#gathered);
    this.#gathered = '';
  }

  async #room(): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#response.once('drain', resolve).once('close', resolve);
    await promise;
    this.#response.off('drain', resolve).off('close', resolve);
  }
}
