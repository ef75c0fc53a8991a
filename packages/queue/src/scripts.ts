import { createHash } from 'node:crypto';
import type { Redis } from 'ioredis';

/** A Lua script, sent by its hash and once in full where Redis does not know it (after a restart, a flush, a failover). */
class Script<Reply> {
  readonly #lua: string;
  readonly #sha: string;
  readonly #parse: (reply: unknown) => Reply;

  constructor(lua: string, parse: (reply: unknown) => Reply) {
    this.#lua = lua;
    this.#sha = createHash('sha1').update(lua).digest('hex');
    this.#parse = parse;
  }

  async run(redis: Redis, keys: readonly string[], args: readonly (string | number)[]): Promise<Reply> {
    try {
      return this.#parse(await redis.evalsha(this.#sha, keys.length, ...keys, ...args));
    } catch (error) {
      if (!(error instanceof Error && error.message.startsWith('NOSCRIPT'))) throw error;
      return this.#parse(await redis.eval(this.#lua, keys.length, ...keys, ...args));
    }
  }
}

/**
 * Records a job's end, once: the first writer wins, whoever comes later changes nothing.
 *
 * KEYS record, stream, cancelled
 * ARGV record JSON, record's life (ms), stream's life from now (ms), wake channel,
 *      reply channel or '', job id, time of the end (ms) if cancelled or 0, cancelled jobs kept
 * Returns 1 if this call recorded the end, 0 if it had been recorded before.
 */
export const finishScript = new Script(
  `
  if not redis.call('SET', KEYS[1], ARGV[1], 'NX', 'PX', ARGV[2]) then return 0 end
  redis.call('PEXPIRE', KEYS[2], ARGV[3])
  if ARGV[7] ~= '0' then
    redis.call('ZADD', KEYS[3], ARGV[7], ARGV[6])
    redis.call('ZREMRANGEBYRANK', KEYS[3], 0, -tonumber(ARGV[8]) - 1)
  end
  if ARGV[5] ~= '' then redis.call('PUBLISH', ARGV[5], 'e' .. ARGV[1]) end
  redis.call('PUBLISH', ARGV[4], 'e' .. ARGV[1])
  return 1
  `,
  (reply) => reply === 1,
);

/**
 * Appends chunks to a job's stream and wakes its listeners in the same round trip. A run that is not the newest one is
 * fenced: it appends nothing.
 *
 * KEYS stream
 * ARGV run number, number of chunks, chunks joined by newlines, entries kept, life from now (ms), wake channel
 * Returns the number of the last chunk, or -1 if a newer run writes this stream.
 */
export const appendChunksScript = new Script(
  `
  local first = 1
  local last = redis.call('XREVRANGE', KEYS[1], '+', '-', 'COUNT', 1)[1]
  if last then
    local entry = last[2]
    if tonumber(entry[2]) > tonumber(ARGV[1]) then return -1 end
    first = tonumber(entry[4]) + tonumber(entry[6])
  end
  redis.call('XADD', KEYS[1], 'MAXLEN', '~', ARGV[4], '*', 'run', ARGV[1], 'first', first, 'count', ARGV[2], 'chunks', ARGV[3])
  redis.call('PEXPIRE', KEYS[1], ARGV[5])
  redis.call('PUBLISH', ARGV[6], 'c' .. ARGV[1] .. ' ' .. first .. '\\n' .. ARGV[3])
  return first + tonumber(ARGV[2]) - 1
  `,
  Number,
);
