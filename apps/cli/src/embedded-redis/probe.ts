import { connect } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { QueueConnection } from '@llm-engine/queue';

const CONNECT_TIMEOUT_MS = 2_000;
const POLL_MS = 20;

/** Whether anything accepts connections there. */
export function isListening(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host: '127.0.0.1', port, timeout: CONNECT_TIMEOUT_MS });
    const settle = (listening: boolean) => () => {
      socket.destroy();
      resolve(listening);
    };
    socket.once('connect', settle(true));
    socket.once('error', settle(false));
    // It took the connection attempt and says nothing: somebody is there.
    socket.once('timeout', settle(true));
  });
}

/** Whether nothing listens there any more before the time is over. */
export async function stopsListening(port: number, timeoutMs: number): Promise<boolean> {
  const deadline = Date.now() + timeoutMs;
  while (await isListening(port)) {
    if (Date.now() > deadline) return false;
    await sleep(POLL_MS * (0.5 + Math.random()));
  }
  return true;
}

/** A server on loopback that has loaded its data. Rejects when it is not there before the signal aborts. */
export async function connectTo(port: number, signal: AbortSignal): Promise<QueueConnection> {
  const connection = new QueueConnection({ redisUrl: redisUrlOf(port) });
  try {
    await becomesReady(connection, signal);
    return connection;
  } catch (error) {
    await connection[Symbol.asyncDispose]();
    throw error;
  }
}

async function becomesReady({ redis }: QueueConnection, signal: AbortSignal): Promise<void> {
  signal.throwIfAborted();
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const onAbort = () => reject(signal.reason);
  redis.once('ready', resolve);
  signal.addEventListener('abort', onAbort, { once: true });
  try {
    await promise;
  } finally {
    redis.off('ready', resolve);
    signal.removeEventListener('abort', onAbort);
  }
}

/** The folder that the server keeps its data in. */
export async function dataFolderOf({ redis }: QueueConnection): Promise<string | undefined> {
  const reply: unknown = await redis.config('GET', 'dir');
  const folder: unknown = Array.isArray(reply) ? reply[1] : undefined;
  return typeof folder === 'string' ? folder : undefined;
}

export function redisUrlOf(port: number): string {
  return `redis://127.0.0.1:${port}`;
}
