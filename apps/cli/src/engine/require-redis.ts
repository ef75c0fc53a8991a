import { QueueConnection } from '@llm-engine/queue';
import { StartError } from './start-error.ts';

const TIMEOUT_MS = 3_000;

/** Rejects when the Redis that was named does not answer: a person at a terminal wants to know now. */
export async function requireRedis(redisUrl: string): Promise<void> {
  let reason = '';
  await using connection = new QueueConnection({ redisUrl, onTrouble: ({ message }) => (reason = ` (${message})`) });
  try {
    await connection.waitUntilReady(TIMEOUT_MS);
  } catch (error) {
    const { host } = new URL(redisUrl);
    throw new StartError(
      'redis_unreachable',
      `The Redis at ${host} does not answer${reason}. Start it, or leave REDIS_URL out to run an embedded one.`,
      { cause: error },
    );
  }
}
