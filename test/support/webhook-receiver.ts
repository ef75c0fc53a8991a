import { once } from 'node:events';
import { createServer } from 'node:http';
import type { IncomingHttpHeaders, IncomingMessage, Server, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';

/** How the receiver treats a message: a status with headers, or no answer at all. */
export type Reception = { readonly status: number; readonly headers?: Readonly<Record<string, string>> } | 'hang';

export interface ReceivedMessage {
  readonly method: string;
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

/** A real HTTP server that takes webhooks, and answers 204 unless told otherwise. */
export class WebhookReceiver implements AsyncDisposable {
  readonly messages: ReceivedMessage[] = [];
  readonly #script: Reception[] = [];
  readonly #waiting = new Set<() => void>();
  #server: Server | undefined;
  #port = 0;

  static async start(): Promise<WebhookReceiver> {
    const receiver = new WebhookReceiver();
    await receiver.start();
    return receiver;
  }

  get url(): string {
    return `http://127.0.0.1:${this.#port}/hooks`;
  }

  /** How the next messages are treated, in order. */
  next(...receptions: readonly Reception[]): void {
    this.#script.push(...receptions);
  }

  /** The message with that number, from 0, once it has come. */
  async message(number: number): Promise<ReceivedMessage> {
    for (;;) {
      const message = this.messages[number];
      if (message !== undefined) return message;
      const { promise, resolve } = Promise.withResolvers<void>();
      this.#waiting.add(resolve);
      await promise;
    }
  }

  /** On the port that it had before. */
  async start(): Promise<void> {
    const server = createServer((request, response) => void this.#receive(request, response));
    server.listen(this.#port, '127.0.0.1');
    await once(server, 'listening');
    this.#port = (server.address() as AddressInfo).port;
    this.#server = server;
  }

  /** Connections are refused from now on. */
  async stop(): Promise<void> {
    const server = this.#server;
    if (server === undefined) return;
    this.#server = undefined;
    server.closeAllConnections();
    server.close();
    await once(server, 'close');
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop();
  }

  async #receive(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { method = '', url: path = '', headers } = request;
    this.messages.push({ method, path, headers, body: await text(request) });
    for (const resolve of this.#waiting) resolve();
    this.#waiting.clear();
    const reception = this.#script.shift() ?? { status: 204 };
    if (reception !== 'hang') response.writeHead(reception.status, reception.headers).end();
  }
}
