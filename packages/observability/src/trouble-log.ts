/** The same trouble, such as a refused connection, comes back many times a second. */
const QUIET_MS = 10_000;
const MAX_KINDS = 100;

interface Told {
  at: number;
  unsaid: number;
}

/** Says of a trouble that repeats itself when to speak of it again, and how often it has been kept quiet since. */
export class TroubleLog {
  readonly #now: () => number;
  readonly #told = new Map<string, Told>();

  constructor(now: () => number = Date.now) {
    this.#now = now;
  }

  /** Undefined: do not speak. Otherwise how many of the same kind went unsaid before. */
  speak(kind: string): number | undefined {
    const now = this.#now();
    const told = this.#told.get(kind);
    if (told !== undefined && now - told.at < QUIET_MS) {
      told.unsaid += 1;
      return undefined;
    }
    if (told === undefined && this.#told.size >= MAX_KINDS) this.#told.clear();
    this.#told.set(kind, { at: now, unsaid: 0 });
    return told?.unsaid ?? 0;
  }
}
