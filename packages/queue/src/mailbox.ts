interface TakeOptions {
  readonly timeoutMs: number;
  readonly signal?: AbortSignal | undefined;
}

/** Messages that one reader takes in order, waiting where there is none. */
export class Mailbox<Message> {
  readonly #messages: Message[] = [];
  #wake: (() => void) | undefined;

  put(message: Message): void {
    this.#messages.push(message);
    this.#wake?.();
  }

  /** The next message; undefined after the timeout or an abort. */
  async take({ timeoutMs, signal }: TakeOptions): Promise<Message | undefined> {
    if (this.#messages.length === 0 && signal?.aborted !== true) {
      const { promise, resolve } = Promise.withResolvers<void>();
      const wake = (): void => resolve();
      const timer = setTimeout(wake, timeoutMs);
      this.#wake = wake;
      signal?.addEventListener('abort', wake);
      await promise;
      this.#wake = undefined;
      signal?.removeEventListener('abort', wake);
      clearTimeout(timer);
    }
    return this.#messages.shift();
  }
}
