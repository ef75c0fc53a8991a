/**
 * Keeps jobs apart whose worker has died under them more than once: one at a time in a process, so that the one that kills
 * its worker is found out alone, and does not take the others with it again and again.
 */
export class Quarantine {
  #suspect: string | undefined;

  /** Undefined while another suspect runs here. Dispose of what it returns when the run has ended. */
  enter(jobId: string): Disposable | undefined {
    if (this.#suspect !== undefined) return undefined;
    this.#suspect = jobId;
    return { [Symbol.dispose]: () => (this.#suspect = undefined) };
  }
}

/** For a job that is no suspect. */
export const AT_LARGE: Disposable = { [Symbol.dispose]: () => undefined };
