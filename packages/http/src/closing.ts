import type { FastifyInstance } from 'fastify';

/**
 * Sees to it that a server which closes waits for requests and for nothing else. Node waits for connections too on which no request
 * has ever come, such as browsers and connection pools open in advance: for a minute and longer.
 */
export class Closing {
  readonly #server: FastifyInstance['server'];
  #begun = false;
  #requests = 0;

  constructor(server: FastifyInstance) {
    this.#server = server.server;
    this.#server.on('request', (_request, response) => {
      this.#requests += 1;
      response.once('close', () => {
        this.#requests -= 1;
        this.#closeUnused();
      });
    });
    this.#server.on('connection', () => this.#closeUnused());
    server.addHook('preClose', (done) => {
      this.#begun = true;
      this.#closeUnused();
      done();
    });
  }

  /** Whether new requests should go elsewhere. */
  get begun(): boolean {
    return this.#begun;
  }

  #closeUnused(): void {
    if (this.#begun && this.#requests === 0) this.#server.closeAllConnections();
  }
}
