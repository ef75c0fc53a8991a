import type { Redis } from 'ioredis';

/** Every key below the prefix, and everything that they hold, as text. */
export async function valuesIn(redis: Redis, prefix: string): Promise<string[]> {
  const values: string[] = [];
  const pattern = `${prefix.replaceAll(/[{}[\]*?\\]/g, '\\$&')}*`;
  for await (const keys of redis.scanStream({ match: pattern, count: 1_000 })) {
    for (const key of keys as string[]) values.push(key, JSON.stringify(await valueOf(redis, key)));
  }
  return values;
}

async function valueOf(redis: Redis, key: string): Promise<unknown> {
  const type = await redis.type(key);
  switch (type) {
    case 'string':
      return redis.get(key);
    case 'hash':
      return redis.hgetall(key);
    case 'list':
      return redis.lrange(key, 0, -1);
    case 'set':
      return redis.smembers(key);
    case 'zset':
      return redis.zrange(key, 0, '-1');
    case 'stream':
      return redis.xrange(key, '-', '+');
    case 'none':
      // It went in between.
      return null;
  }
  throw new Error(`The key '${key}' holds a ${type}, which is not known here.`);
}
