import type { HealthCheck } from '@llm-engine/contracts';
import { judge, withOutput } from './check.ts';
import type { Checks, Observation } from './check.ts';
import { numberIn, parseRedisInfo } from './redis-info.ts';
import type { RedisInfo } from './redis-info.ts';

const SLOW_PING_MS = 50;
const MEMORY_WARN = 0.75;
const MEMORY_FAIL = 0.9;
const CLIENTS_WARN = 0.8;
const CLIENTS_FAIL = 0.95;
const REPLICA_BEHIND_BYTES = 10 * 1024 * 1024;
const OLDEST_GOOD = '6.2';
const OLDEST_USABLE = '5.0';

export interface RedisObserved {
  /** The answer to `INFO`. */
  readonly info: string;
  /** How long `PING` took. */
  readonly latencyMs: number;
  /** Keys that had been evicted at an earlier look; without it evictions are not judged. */
  readonly evictedBefore?: number | undefined;
  readonly now: Date;
}

interface Look extends Omit<RedisObserved, 'info' | 'now'> {
  readonly info: RedisInfo;
}

/** Undefined when the server does not say. */
type Check = (look: Look) => Observation | readonly Observation[] | undefined;

const CHECKS: Readonly<Record<string, Check>> = {
  'redis:latency': latency,
  'redis:loading': loading,
  'redis:role': role,
  'redis:maxmemory_policy': evictionPolicy,
  'redis:memory': memory,
  'redis:evicted_keys': evictedKeys,
  'redis:aof_enabled': aofEnabled,
  'redis:aof_last_write_status': aofLastWrite,
  'redis:rdb_last_bgsave_status': rdbLastSave,
  'redis:replica_lag': replicaLag,
  'redis:connected_clients': connectedClients,
  'redis:version': version,
};

/** What a Redis that answers is like, held against what a queue needs. */
export function redisChecks({ info: text, now, ...rest }: RedisObserved): Checks {
  const look: Look = { ...rest, info: parseRedisInfo(text) };
  const checks: Record<string, readonly HealthCheck[]> = {};
  for (const [name, check] of Object.entries(CHECKS)) {
    const found = [check(look) ?? []].flat();
    if (found.length > 0) checks[name] = found.map((observation) => dated(observation, now));
  }
  return checks;
}

/** The checks of a Redis that does not answer. */
export function redisUnreachable(reason: string, now: Date): Checks {
  const output =
    `${reason} Until Redis answers, no job is accepted or run. ` +
    'See that the server runs and that REDIS_URL is right; everything reconnects by itself.';
  return { 'redis:latency': [dated({ status: 'fail', output }, now)] };
}

/** How many keys Redis has evicted since it started, for `evictedBefore` of a later look. */
export function evictedKeysIn(info: string): number | undefined {
  return numberIn(parseRedisInfo(info), 'evicted_keys');
}

function dated(observation: Observation, now: Date): HealthCheck {
  return { componentType: 'datastore', ...observation, time: now.toISOString() };
}

function latency({ latencyMs }: Look): Observation {
  const observedValue = Math.round(latencyMs * 100) / 100;
  return withOutput(
    { observedValue, observedUnit: 'ms', status: judge({ warn: latencyMs > SLOW_PING_MS }) },
    `Redis takes ${observedValue} ms to answer, more than ${SLOW_PING_MS} ms. Look for slow commands (SLOWLOG GET), swapping, or a far network.`,
  );
}

function loading({ info }: Look): Observation | undefined {
  const observedValue = numberIn(info, 'loading');
  if (observedValue === undefined) return undefined;
  return withOutput(
    { observedValue, status: judge({ fail: observedValue !== 0 }) },
    'Redis is still loading its data from disk and refuses commands. Wait until it has; `loading_eta_seconds` in INFO says how long.',
  );
}

function role({ info }: Look): Observation | undefined {
  const observedValue = info.get('role');
  if (observedValue === undefined) return undefined;
  return withOutput(
    { observedValue, status: judge({ fail: observedValue !== 'master' }) },
    `Redis is a ${observedValue}, which takes no writes. Point REDIS_URL at the master.`,
  );
}

function evictionPolicy({ info }: Look): Observation | undefined {
  const observedValue = info.get('maxmemory_policy');
  if (observedValue === undefined) return undefined;
  return withOutput(
    { observedValue, status: judge({ fail: observedValue !== 'noeviction' }) },
    `Redis may throw jobs away when memory is short: its maxmemory-policy is ${observedValue}. Set it to noeviction.`,
  );
}

function memory({ info }: Look): Observation | undefined {
  const used = numberIn(info, 'used_memory');
  const max = numberIn(info, 'maxmemory');
  if (used === undefined || max === undefined) return undefined;
  if (max === 0) return { observedValue: used, observedUnit: 'bytes', status: 'pass' };
  const ratio = used / max;
  return withOutput(
    {
      observedValue: Math.round(ratio * 1_000) / 1_000,
      observedUnit: 'used/max',
      status: judge({ warn: ratio > MEMORY_WARN, fail: ratio > MEMORY_FAIL }),
    },
    `Redis uses ${percent(ratio)} of its maxmemory; when it is full no job is accepted. Raise maxmemory, keep results for a shorter time, or add workers.`,
  );
}

function evictedKeys({ info, evictedBefore }: Look): Observation | undefined {
  const now = numberIn(info, 'evicted_keys');
  if (now === undefined) return undefined;
  // A counter that went down belongs to a server that was started again.
  const observedValue = evictedBefore === undefined || now < evictedBefore ? 0 : now - evictedBefore;
  return withOutput(
    { observedValue, observedUnit: 'keys', status: judge({ fail: observedValue > 0 }) },
    `Redis threw ${observedValue} keys away for want of memory: jobs may be lost. Set maxmemory-policy to noeviction and raise maxmemory.`,
  );
}

function aofEnabled({ info }: Look): Observation | undefined {
  const observedValue = numberIn(info, 'aof_enabled');
  if (observedValue === undefined) return undefined;
  return withOutput(
    { observedValue, status: judge({ warn: observedValue === 0 }) },
    'Redis does not keep an append-only file: a crash loses the jobs since its last snapshot. Set appendonly to yes.',
  );
}

function aofLastWrite({ info }: Look): Observation | undefined {
  const observedValue = info.get('aof_last_write_status');
  if (observedValue === undefined) return undefined;
  return withOutput(
    { observedValue, status: judge({ fail: observedValue !== 'ok' }) },
    'Redis could not write its append-only file and refuses writes. Look at its disk (full, read-only) and its log.',
  );
}

function rdbLastSave({ info }: Look): Observation | undefined {
  const observedValue = info.get('rdb_last_bgsave_status');
  if (observedValue === undefined) return undefined;
  return withOutput(
    { observedValue, status: judge({ warn: observedValue !== 'ok' }) },
    'The last snapshot of Redis failed. Look at its disk, its free memory (a snapshot forks) and its log.',
  );
}

/** One observation a replica, named by its address. */
function replicaLag({ info }: Look): Observation[] {
  const written = numberIn(info, 'master_repl_offset');
  if (written === undefined) return [];
  return [...info].flatMap(([field, text]) => {
    if (!/^slave\d+$/.test(field)) return [];
    const replica = new Map(text.split(',').map((pair) => pair.split('=', 2) as [string, string]));
    const behind = written - Number(replica.get('offset') ?? 0);
    const componentId = `${replica.get('ip')}:${replica.get('port')}`;
    return withOutput(
      {
        componentId,
        observedValue: behind,
        observedUnit: 'bytes',
        status: judge({ warn: behind > REPLICA_BEHIND_BYTES }),
      },
      `The replica ${componentId} is ${behind} bytes behind: a failover now would lose what it has not got. Look at its network and load.`,
    );
  });
}

function connectedClients({ info }: Look): Observation | undefined {
  const connected = numberIn(info, 'connected_clients');
  const max = numberIn(info, 'maxclients');
  if (connected === undefined || max === undefined || max === 0) return undefined;
  const ratio = connected / max;
  return withOutput(
    {
      observedValue: connected,
      observedUnit: 'connections',
      status: judge({ warn: ratio > CLIENTS_WARN, fail: ratio > CLIENTS_FAIL }),
    },
    `${connected} of ${max} connections to Redis are taken (${percent(ratio)}); when all are, new processes cannot start. Raise maxclients, or look for a client that leaks connections.`,
  );
}

function version({ info }: Look): Observation | undefined {
  const observedValue = info.get('redis_version');
  if (observedValue === undefined) return undefined;
  const older = (release: string): boolean => observedValue.localeCompare(release, 'en', { numeric: true }) < 0;
  return withOutput(
    { observedValue, status: judge({ warn: older(OLDEST_GOOD), fail: older(OLDEST_USABLE) }) },
    `Redis ${observedValue} is old: the queues need ${OLDEST_USABLE}, and ${OLDEST_GOOD} or newer is supported. Upgrade the server.`,
  );
}

function percent(ratio: number): string {
  return `${Math.round(ratio * 100)} %`;
}
