import type { ProbeChecks, ProbeResult } from '@llm-engine/http';
import { Hysteresis } from '@llm-engine/observability';
import type { QueueConnection } from '@llm-engine/queue';

/** How the producer stands, as its probes tell it. */
export class Readiness {
  readonly #connection: Pick<QueueConnection, 'ready'>;
  readonly #hysteresis: Hysteresis;
  #connectedOnce = false;
  #stopping = false;

  constructor(connection: Pick<QueueConnection, 'ready'>, hysteresis: Hysteresis = new Hysteresis()) {
    this.#connection = connection;
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

  #ready(): ProbeResult {
    if (this.#stopping) return { ok: false, reason: 'shutting down' };
    return this.#look() ? { ok: true } : { ok: false, reason: 'Redis is out of reach' };
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
