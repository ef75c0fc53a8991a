import { describe, expect, test } from 'vitest';
import { EvictionBaseline } from './eviction-baseline.ts';
import { evictedKeysIn, redisChecks, redisUnreachable } from './redis-checks.ts';
import { healthReport } from './report.ts';

const now = new Date('2026-01-02T03:04:05.678Z');
const MB = 1024 * 1024;

/** What a Redis that has nothing wrong says of itself. */
const WELL = {
  redis_version: '7.2.4',
  connected_clients: 10,
  maxclients: 10_000,
  used_memory: 100 * MB,
  maxmemory: 1_000 * MB,
  maxmemory_policy: 'noeviction',
  loading: 0,
  rdb_last_bgsave_status: 'ok',
  aof_enabled: 1,
  aof_last_write_status: 'ok',
  evicted_keys: 0,
  role: 'master',
  master_repl_offset: 100 * MB,
};

function infoOf(fields: Readonly<Record<string, string | number>>): string {
  const lines = Object.entries(fields).map(([name, value]) => `${name}:${value}`);
  return ['# Server', ...lines, '', '# Keyspace', 'db0:keys=1,expires=0'].join('\r\n');
}

function look(
  fields: Readonly<Record<string, string | number>>,
  rest: { latencyMs?: number; evictedBefore?: number } = {},
) {
  return redisChecks({ info: infoOf({ ...WELL, ...fields }), latencyMs: 1, now, ...rest });
}

test('a Redis with nothing wrong passes every check, and a check that passes has no output', () => {
  const checks = look({ slave0: `ip=10.0.0.2,port=6379,state=online,offset=${100 * MB},lag=0` });

  expect(Object.keys(checks)).toEqual([
    'redis:latency',
    'redis:loading',
    'redis:role',
    'redis:maxmemory_policy',
    'redis:memory',
    'redis:evicted_keys',
    'redis:aof_enabled',
    'redis:aof_last_write_status',
    'redis:rdb_last_bgsave_status',
    'redis:replica_lag',
    'redis:connected_clients',
    'redis:version',
  ]);
  for (const check of Object.values(checks).flat()) {
    expect(check).toMatchObject({ componentType: 'datastore', status: 'pass', time: '2026-01-02T03:04:05.678Z' });
    expect(check).not.toHaveProperty('output');
  }
});

describe('each check against its limits', () => {
  test.each([
    ['redis:loading', { loading: 1 }, 'fail'],
    ['redis:role', { role: 'slave' }, 'fail'],
    ['redis:maxmemory_policy', { maxmemory_policy: 'allkeys-lru' }, 'fail'],
    ['redis:memory', { used_memory: 0 }, 'pass'],
    ['redis:memory', { used_memory: 750 * MB }, 'pass'],
    ['redis:memory', { used_memory: 751 * MB }, 'warn'],
    ['redis:memory', { used_memory: 900 * MB }, 'warn'],
    ['redis:memory', { used_memory: 901 * MB }, 'fail'],
    ['redis:memory', { used_memory: 5_000 * MB, maxmemory: 0 }, 'pass'],
    ['redis:aof_enabled', { aof_enabled: 0 }, 'warn'],
    ['redis:aof_last_write_status', { aof_last_write_status: 'err' }, 'fail'],
    ['redis:rdb_last_bgsave_status', { rdb_last_bgsave_status: 'err' }, 'warn'],
    ['redis:replica_lag', { slave0: `ip=a,port=1,state=online,offset=${90 * MB},lag=1` }, 'pass'],
    ['redis:replica_lag', { slave0: `ip=a,port=1,state=online,offset=${90 * MB - 1},lag=1` }, 'warn'],
    ['redis:connected_clients', { connected_clients: 8_000 }, 'pass'],
    ['redis:connected_clients', { connected_clients: 8_001 }, 'warn'],
    ['redis:connected_clients', { connected_clients: 9_501 }, 'fail'],
    ['redis:version', { redis_version: '6.2.0' }, 'pass'],
    ['redis:version', { redis_version: '10.0.1' }, 'pass'],
    ['redis:version', { redis_version: '6.0.16' }, 'warn'],
    ['redis:version', { redis_version: '5.0.0' }, 'warn'],
    ['redis:version', { redis_version: '4.0.9' }, 'fail'],
  ] as const)('%s with %o is %s', (name, fields, status) => {
    const found = look(fields)[name] ?? [];

    expect(found.map((check) => check.status)).toEqual([status]);
    expect(
      found.every(({ output }) => (status === 'pass' ? output === undefined : /\. .+\.$/.test(output ?? ''))),
    ).toBe(true);
  });

  test.each([
    [50, 'pass'],
    [50.1, 'warn'],
  ])('an answer after %d ms is %s', (latencyMs, status) => {
    expect(look({}, { latencyMs })['redis:latency']).toEqual([
      expect.objectContaining({ observedValue: latencyMs, observedUnit: 'ms', status }),
    ]);
  });

  test.each([
    ['none were evicted since', 7, 7, 'pass', 0],
    ['some were evicted since', 9, 7, 'fail', 2],
    ['the server was started again', 3, 7, 'pass', 0],
    ['there was no earlier look', 9, undefined, 'pass', 0],
  ])('evictions, when %s', (_when, evicted_keys, evictedBefore, status, observedValue) => {
    const checks = look({ evicted_keys }, evictedBefore === undefined ? {} : { evictedBefore });

    expect(checks['redis:evicted_keys']).toEqual([expect.objectContaining({ status, observedValue })]);
  });
});

test('each replica is a component of its own', () => {
  const checks = look({
    slave0: `ip=10.0.0.2,port=6379,state=online,offset=${100 * MB},lag=0`,
    slave1: `ip=10.0.0.3,port=6380,state=online,offset=${50 * MB},lag=9`,
  });

  expect(checks['redis:replica_lag']).toEqual([
    expect.objectContaining({ componentId: '10.0.0.2:6379', status: 'pass', observedValue: 0 }),
    expect.objectContaining({ componentId: '10.0.0.3:6380', status: 'warn', observedValue: 50 * MB }),
  ]);
});

test('what a server does not say is not judged', () => {
  const checks = redisChecks({ info: 'redis_version:7.2.4\r\nmaxmemory:\r\n', latencyMs: 1, now });

  expect(Object.keys(checks)).toEqual(['redis:latency', 'redis:version']);
});

test('a Redis that does not answer fails, with the reason and what to do', () => {
  const report = healthReport({
    serviceId: 'monitor',
    version: '1',
    checks: redisUnreachable('Redis gave no answer in 1000 ms.', now),
  });

  expect(report.status).toBe('fail');
  expect(report.checks['redis:latency']?.[0]?.output).toMatch(/^Redis gave no answer in 1000 ms\..*REDIS_URL/);
});

test('evictions are reported to everybody who looks within five minutes', () => {
  let time = 0;
  const baseline = new EvictionBaseline(() => time);
  const evictedSince = (evicted: number): number => evicted - (baseline.before(evicted) ?? evicted);

  const first = evictedSince(10);
  time = 60_000;
  const second = evictedSince(12);
  const another = evictedSince(12);
  time = 300_001;
  const late = evictedSince(12);
  const afterwards = evictedSince(12);
  const restarted = evictedSince(1);
  const sinceRestart = evictedSince(2);

  expect([first, second, another, late, afterwards, restarted, sinceRestart]).toEqual([0, 2, 2, 2, 0, 0, 1]);
  expect(evictedKeysIn(infoOf({ evicted_keys: 12 }))).toBe(12);
});
