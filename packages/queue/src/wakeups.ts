import type { Redis } from 'ioredis';

/** What a listener hears: a message of its channel, or that messages may have been missed. */
export type Wake = { readonly kind: 'message'; readonly text: string } | { readonly kind: 'gap' };
export type OnWake = (wake: Wake) => void;

/**
 * All listening of one process over one Redis connection.
 * 1. Opens the connection with the first listener; Redis hears of each channel once.
 * 2. Hands each message to the listeners of its channel.
 * 3. After a reconnect tells every listener that there was a gap, so that it looks for itself.
 */
export class Wakeups implements AsyncDisposable {
  readonly #connect: () => Redis;
  readonly #listeners = new Map<string, Set<OnWake>>();
  #redis: Redis | undefined;

  constructor(connect: () => Redis) {
    this.#connect = connect;
  }

  /**
   * Resolves when Redis has confirmed the subscription: what is published from then on is heard.
   * Dispose what it resolves with to stop listening.
   */
  async listen(channel: string, onWake: OnWake): Promise<Disposable> {
    const redis = this.#open();
    const listeners = this.#listeners.get(channel) ?? new Set();
    this.#listeners.set(channel, listeners.add(onWake));
    const subscription = { [Symbol.dispose]: () => this.#drop(channel, onWake) };
    try {
      // Sent also when the channel has listeners: its reply says that their subscription is in force.
      await redis.subscribe(channel);
    } catch (error) {
      subscription[Symbol.dispose]();
      throw error;
    }
    return subscription;
  }

  #open(): Redis {
    if (this.#redis !== undefined) return this.#redis;
    const redis = this.#connect();
    redis.on('message', (channel: string, text: string) => this.#tell(channel, { kind: 'message', text }));
    let connectedBefore = false;
    redis.on('ready', () => {
      if (connectedBefore) for (const channel of this.#listeners.keys()) this.#tell(channel, { kind: 'gap' });
      connectedBefore = true;
    });
    this.#redis = redis;
    return redis;
  }

  #tell(channel: string, wake: Wake): void {
    for (const onWake of this.#listeners.get(channel) ?? []) onWake(wake);
  }

  #drop(channel: string, onWake: OnWake): void {
    const listeners = this.#listeners.get(channel);
    listeners?.delete(onWake);
    if (listeners === undefined || listeners.size > 0) return;
    this.#listeners.delete(channel);
    // Nobody listens any more, so a failure to say so is of no consequence: the connection is going or gone.
    this.#redis?.unsubscribe(channel).catch(() => undefined);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#listeners.clear();
    this.#redis?.disconnect();
    await Promise.resolve();
  }
}
