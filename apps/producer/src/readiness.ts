import type { ProbeChecks, ProbeResult } from '@llm-engine/http';
import { Hysteresis } from '@llm-engine/observability';
import type { QueueConnection } from '@llm-engine/queue';
import type { ProducerStorage } from './open-storage.ts';

interface ReadinessOptions {
  readonly connection: Pick<QueueConnection, 'ready'>;
  /** Default: there is none. */
  readonly storage?: Pick<ProducerStorage, 'reachable'> | undefined;
  readonly hysteresis?: Hysteresis;
}

/** How the producer stands, as its probes tell it. */
export class Readiness {
  readonly #connection: Pick<QueueConnection, 'ready'>;
  readonly #storage: Pick<ProducerStorage, 'reachable'> | undefined;
  readonly #hysteresis: Hysteresis;
  #connectedOnce = false;
  #stopping = false;

  constructor({ connection, storage, hysteresis = new Hysteresis() }: ReadinessOptions) {
    this.#connection = connection;
    this.#storage = storage;
    this.#hysteresis = hysteresis;
    this.#look();
  }

  /** From now on requests should go elsewhere. */
  stop(): void {
    this.#stopping = true;
  }

  get checks(): ProbeChecks {
    return {
      // That this answers at all is the proof.
      livez: () => ({ ok: true }),
      readyz: () => this.#ready(),
      startupz: () => this.#started(),
    };
  }

  async #ready(): Promise<ProbeResult> {
    if (this.#stopping) return { ok: false, reason: 'shutting down' };
    if (!this.#look()) return { ok: false, reason: 'Redis is out of reach' };
    // Inference needs no storage: it is said, and no reason to send requests elsewhere.
    if (this.#storage === undefined || (await this.#storage.reachable())) return { ok: true };
    return { ok: true, reason: 'the storage of files and batches is out of reach' };
  }

  #started(): ProbeResult {
    this.#look();
    return this.#connectedOnce ? { ok: true } : { ok: false, reason: 'Redis has not been reached yet' };
  }

  /** A short outage is answered with 503 and Retry-After; taking every producer out of service would make it a long one. */
  #look(): boolean {
    this.#connectedOnce ||= this.#connection.ready;
    return this.#hysteresis.observe(this.#connection.ready);
  }
}
