import type { Result } from 'ioredis';

/**
 * Records a job's end, once: the first writer wins, whoever comes later changes nothing.
 *
 * KEYS record, stream, cancelled
 * ARGV record JSON, record's life (ms), stream's life from now (ms), wake channel,
 *      reply channel or '', job id, time of the end (ms) if cancelled or 0, cancelled jobs kept,
 *      the job's lock in its queue, to be broken where the end cannot be recorded, or ''
 * Returns 1 if this call recorded the end, 0 if it had been recorded before.
 */
const FINISH = `
  local written = redis.pcall('SET', KEYS[1], ARGV[1], 'NX', 'PX', ARGV[2])
  if not written then return 0 end
  if written.err then
    if ARGV[9] ~= '' then redis.call('DEL', ARGV[9]) end
    return written
  end
  redis.call('PEXPIRE', KEYS[2], ARGV[3])
  if ARGV[7] ~= '0' then
    redis.call('ZADD', KEYS[3], ARGV[7], ARGV[6])
    redis.call('ZREMRANGEBYRANK', KEYS[3], 0, -tonumber(ARGV[8]) - 1)
  end
  if ARGV[5] ~= '' then redis.call('PUBLISH', ARGV[5], 'e' .. ARGV[1]) end
  redis.call('PUBLISH', ARGV[4], 'e' .. ARGV[1])
  return 1
`;

/**
 * Appends chunks to a job's stream and wakes its listeners in the same round trip. A run that is not the newest one is
 * fenced: it appends nothing.
 *
 * KEYS stream
 * ARGV run number, number of chunks, chunks joined by newlines, entries kept, life from now (ms), wake channel
 * Returns the number of the last chunk, or -1 if a newer run writes this stream.
 */
const APPEND_CHUNKS = `
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
`;

/**
 * Replaces a text where it is still what the caller saw last.
 *
 * KEYS text
 * ARGV 1 to replace it or 0 to look, the text as it was ('' for none), the new text, its life from now (ms)
 * Returns 1 if this call replaced it; else 0; then the text as it was found; then the time (ms).
 */
const SWAP_TEXT = `
  local time = redis.call('TIME')
  local now = time[1] * 1000 + math.floor(time[2] / 1000)
  local found = redis.call('GET', KEYS[1]) or ''
  if ARGV[1] == '0' or found ~= ARGV[2] then return {0, found, now} end
  redis.call('SET', KEYS[1], ARGV[3], 'PX', ARGV[4])
  return {1, '', now}
`;

/**
 * For every connection: ioredis sends a script by its hash, and once in full where Redis does not know it (after a restart,
 * a flush, a failover). BullMQ's own scripts are sent in the same way, so that the order of both holds even then.
 */
export const SCRIPTS = {
  finishJob: { lua: FINISH, numberOfKeys: 3 },
  appendChunks: { lua: APPEND_CHUNKS, numberOfKeys: 1 },
  swapText: { lua: SWAP_TEXT, numberOfKeys: 1 },
};

type Argument = string | number;

declare module 'ioredis' {
  interface RedisCommander<Context> {
    finishJob(...keysAndArgs: Argument[]): Result<number, Context>;
    appendChunks(...keysAndArgs: Argument[]): Result<number, Context>;
    swapText(...keysAndArgs: Argument[]): Result<[done: number, text: string, now: number], Context>;
  }
}
