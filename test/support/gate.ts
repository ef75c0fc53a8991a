import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import type { AddressInfo, Server, Socket } from 'node:net';

/**
 * A way to a server that a test can close, so that connections break and new ones are refused; open again on the same port;
 * or stall, so that connections stay and nothing gets through any more.
 */
export class Gate implements AsyncDisposable {
  readonly port: number;
  readonly #target: number;
  readonly #sockets = new Set<Socket>();
  #server: Server;
  #stalled: PromiseWithResolvers<void> | undefined;

  private constructor(server: Server, target: number) {
    this.port = (server.address() as AddressInfo).port;
    this.#target = target;
    this.#server = server;
    this.#serve();
  }

  /** Before the port of a server on this machine. */
  static async to(target: number): Promise<Gate> {
    return new Gate(await listening(0), target);
  }

  async close(): Promise<void> {
    if (!this.#server.listening) return;
    const closed = once(this.#server, 'close');
    this.#server.close();
    for (const socket of this.#sockets) socket.destroy();
    await closed;
  }

  async open(): Promise<void> {
    this.#server = await listening(this.port);
    this.#serve();
  }

  /** The promise is for the first bytes that do not get through. */
  stall(): { readonly swallowed: Promise<void> } {
    this.#stalled = Promise.withResolvers();
    return { swallowed: this.#stalled.promise };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  #serve(): void {
    this.#server.on('connection', (caller) => {
      const callee = connect(this.#target, '127.0.0.1');
      this.#relay(caller, callee);
      this.#relay(callee, caller);
    });
  }

  #relay(from: Socket, to: Socket): void {
    this.#sockets.add(from);
    from.on('data', (bytes) => {
      if (this.#stalled !== undefined) this.#stalled.resolve();
      else if (!to.write(bytes)) from.pause();
    });
    to.on('drain', () => from.resume());
    from.on('end', () => to.end());
    // A side that breaks takes the other with it; that is all that there is to do.
    from.on('error', () => to.destroy());
    from.on('close', () => {
      this.#sockets.delete(from);
      to.destroy();
    });
  }
}

async function listening(port: number): Promise<Server> {
  const server = createServer({ allowHalfOpen: true }).listen(port, '127.0.0.1');
  await once(server, 'listening');
  return server;
}
