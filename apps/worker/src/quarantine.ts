import type { Lease } from '@llm-engine/queue';

/** A job's stay in quarantine. Dispose of it when the run has ended: then the job has survived. */
export interface Cell extends AsyncDisposable {
  /** How often a worker has died while the job was in quarantine. */
  readonly deaths: number;
}

/** For a job that is no suspect. */
export const AT_LARGE: Cell = { deaths: 0, [Symbol.asyncDispose]: () => Promise.resolve() };

/**
 * Keeps jobs apart whose worker has died under them more than once: one at a time in a process, so that the one that kills
 * its worker is found out. Jobs that were only near it when it did are not counted out for that.
 */
export class Quarantine {
  #suspect: string | undefined;

  /** Undefined while another suspect runs here. */
  async enter(lease: Pick<Lease, 'id' | 'enterQuarantine' | 'leaveQuarantine'>): Promise<Cell | undefined> {
    if (this.#suspect !== undefined) return undefined;
    this.#suspect = lease.id;
    try {
      return { deaths: await lease.enterQuarantine(), [Symbol.asyncDispose]: () => this.#leave(lease) };
    } catch (error) {
      this.#suspect = undefined;
      throw error;
    }
  }

  async #leave(lease: Pick<Lease, 'leaveQuarantine'>): Promise<void> {
    this.#suspect = undefined;
    await lease.leaveQuarantine();
  }
}
