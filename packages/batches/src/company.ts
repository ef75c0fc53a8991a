interface Waiting {
  readonly alone: boolean;
  readonly enter: () => void;
}

/**
 * Which lines run beside which in this process: any, except that suspects run alone, so that no other line is blamed for the
 * death of their worker, or they for another's. Who waits comes in turn.
 */
export class Company {
  readonly #waiting: Waiting[] = [];
  #inside = 0;
  #closed = false;

  /** Undefined when there is no wait. `alone`: nobody else is inside then, and nobody comes in until it calls `open`, which it must before it leaves. */
  enter(alone = false): Promise<void> | undefined {
    if (this.#waiting.length === 0 && this.#admits(alone)) {
      this.#take(alone);
      return undefined;
    }
    return new Promise((enter) => this.#waiting.push({ alone, enter }));
  }

  /** Comes in without a wait, whoever is inside. */
  join(): void {
    this.#inside += 1;
  }

  /** Who is alone inside lets others in, though no other suspect. */
  open(): void {
    this.#closed = false;
    this.#admit();
  }

  leave(): void {
    this.#inside -= 1;
    this.#admit();
  }

  #admits(alone: boolean): boolean {
    return alone ? this.#inside === 0 : !this.#closed;
  }

  #take(alone: boolean): void {
    this.#inside += 1;
    this.#closed = alone;
  }

  #admit(): void {
    for (let [next] = this.#waiting; next !== undefined && this.#admits(next.alone); [next] = this.#waiting) {
      this.#waiting.shift();
      this.#take(next.alone);
      next.enter();
    }
  }
}
