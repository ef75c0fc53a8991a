/** So many lines at once. Who waits comes in turn. */
export class Slots {
  readonly #size: number;
  readonly #waiting: (() => void)[] = [];
  #used = 0;

  constructor(size: number) {
    this.#size = size;
  }

  /** Undefined when there is a slot, which is taken at once; else resolves when it has been taken. */
  enter(): Promise<void> | undefined {
    if (this.#used < this.#size) {
      this.#used += 1;
      return undefined;
    }
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  /** Takes a slot, even one too many. */
  reenter(): void {
    this.#used += 1;
  }

  leave(): void {
    this.#used -= 1;
    if (this.#used >= this.#size) return;
    const next = this.#waiting.shift();
    if (next === undefined) return;
    this.#used += 1;
    next();
  }
}
