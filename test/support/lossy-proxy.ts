import { once } from 'node:events';
import { createServer, request as ask } from 'node:http';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/** What becomes of an answer: it is lost as a whole, or it breaks off after its first bytes. */
type Loss = 'whole' | 'rest';

/** Stands before a server over HTTP, and loses answers that the server has given. */
export class LossyProxy implements AsyncDisposable {
  /** Each request that came: its method and path. */
  readonly requests: string[] = [];
  readonly #server: Server;
  readonly #target: string;
  readonly #losses = new Map<string, Loss>();

  private constructor(server: Server, target: string) {
    this.#server = server;
    this.#target = target;
    server.on('request', (request: IncomingMessage, response: ServerResponse) => this.#forward(request, response));
  }

  static async before(target: string): Promise<LossyProxy> {
    const server = createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    return new LossyProxy(server, target);
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  /** The next answer to such a request, `GET /content` for one whose path ends so, does not arrive. */
  loseNext(request: string, loss: Loss): void {
    this.#losses.set(request, loss);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const closed = once(this.#server, 'close');
    this.#server.close();
    this.#server.closeAllConnections();
    await closed;
  }

  #forward(incoming: IncomingMessage, outgoing: ServerResponse): void {
    const { method = 'GET', url = '/', headers } = incoming;
    this.requests.push(`${method} ${url}`);
    const loss = this.#takeLoss(method, url);
    const forwarded = ask(`${this.#target}${url}`, { method, headers }, (answer) => {
      if (loss === undefined) {
        outgoing.writeHead(answer.statusCode ?? 502, answer.headers);
        answer.pipe(outgoing);
        return;
      }
      if (loss === 'rest') outgoing.writeHead(answer.statusCode ?? 502, answer.headers);
      answer.once('data', (piece: Buffer) => {
        if (loss === 'whole') outgoing.destroy();
        else outgoing.write(piece.subarray(0, 10), () => outgoing.destroy());
      });
    });
    forwarded.on('error', () => outgoing.destroy());
    incoming.pipe(forwarded);
  }

  #takeLoss(method: string, url: string): Loss | undefined {
    for (const [request, loss] of this.#losses) {
      const [ofMethod = '', end = ''] = request.split(' ');
      if (method !== ofMethod || !url.endsWith(end)) continue;
      this.#losses.delete(request);
      return loss;
    }
    return undefined;
  }
}
