import { readFile } from 'node:fs/promises';
import { createMetrics } from '@llm-engine/observability';
import { expect, test } from 'vitest';
import { TestEngine, chat } from '../support/engine.ts';
import { healthOf, monitorOf } from '../support/monitor.ts';
import { parsePrometheusText } from '../support/prometheus-text.ts';
import { RedisServer } from '../support/redis-server.ts';

const DOCS = await readFile(new URL('../../docs/monitoring.md', import.meta.url), 'utf8');

/** First cells of the tables' rows. */
function documented(pattern: RegExp): string[] {
  return [...DOCS.matchAll(pattern)].flatMap(([, name]) => name ?? []).toSorted();
}

test('the documentation lists the metrics that there are, with their types', async () => {
  const metrics = createMetrics({ service: 'all', version: '1' });
  metrics.jobs.expect({ queue: 'q', kind: 'inference' });
  metrics.genAi.answered({ endpoint: '/v1/completions', provider: 'p', model: 'm' }, { total: 1 });
  metrics.batches.linesEnded('m', 1, 0, { input: 1, cached: 0, output: 1, reasoning: 0 });
  metrics.watchWorker(() => ({ queues: [], pools: [], executors: [], beatAt: 0 }));
  const decreases = { refused: 0, timeout: 0, slow: 0 };
  metrics.watchLimits(() => ({
    endpoints: [{ executor: 'e', endpoint: 'h', limit: 1, inUse: 0, paused: false, decreases }],
    waiting: [],
  }));
  metrics.watchQueues({ read: () => Promise.resolve({ queues: [], workers: [] }), waitSloSeconds: () => 1 });

  const families = [...parsePrometheusText(await metrics.text()).values()];

  const own = families.filter(({ name }) => /^(llm_engine|gen_ai)_/.test(name) && name !== 'llm_engine_build_info');
  expect(documented(/^\| `((?:llm_engine|gen_ai)_\w+)`/gm)).toEqual(own.map(({ name }) => name).toSorted());
  for (const { name, type } of own) expect(DOCS).toMatch(new RegExp(`\`${name}\` +\\| ${type} `));
});

test('the documentation names the health checks that there are', async () => {
  await using redis = await RedisServer.start();
  await using replica = await RedisServer.start('--replicaof', `127.0.0.1 ${redis.port}`);
  await using engine = await TestEngine.start({ redisUrl: redis.url });
  await using monitor = await monitorOf(engine);
  await engine.producer.submit(chat());
  // A replica is known to its master once the two have met.
  await expect.poll(async () => Object.keys((await healthOf(monitor)).checks)).toContain('redis:replica_lag');

  const { checks } = await healthOf(monitor);

  const named = documented(/^\| `((?:redis|workers|queues|executors):\w+)`/gm);
  expect(replica.pid).toBeGreaterThan(0);
  // Without a worker nothing is said of executors.
  expect(named).toEqual([...Object.keys(checks), 'executors:availability'].toSorted());
});
