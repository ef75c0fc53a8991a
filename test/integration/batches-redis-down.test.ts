import { createExecutors, parseEngineConfig } from '@llm-engine/executors';
import { expect, test } from 'vitest';
import { TestProducer } from '../support/producer.ts';
import { RedisServer } from '../support/redis-server.ts';
import { TestStorage } from '../support/storage.ts';
import { workerOf } from '../support/worker.ts';

const LINE = JSON.stringify({
  custom_id: 'a',
  method: 'POST',
  url: '/v1/chat/completions',
  body: { model: 'mock', messages: [{ role: 'user', content: 'Hello' }] },
});

test('a batch is taken, shown and cancelled while Redis is down, and one that was taken runs when it is back', async () => {
  await using redis = await RedisServer.start();
  await using storage = await TestStorage.create();
  await using producer = await TestProducer.start({ redisUrl: redis.url, storage: storage.settings });
  const { openai } = producer;
  await redis.kill();

  const create = async () => {
    const { id } = await openai.files.create({ file: new File([LINE], 'a.jsonl'), purpose: 'batch' });
    return openai.batches.create({ input_file_id: id, endpoint: '/v1/chat/completions', completion_window: '24h' });
  };
  const startedAt = performance.now();
  const batch = await create();
  const other = await create();
  const cancelled = await openai.batches.cancel(other.id);
  const took = performance.now() - startedAt;
  await redis.start();
  const config = parseEngineConfig('models: { mock: { executor: mock } }', 'engine.yaml');
  await using executors = createExecutors(config, { env: {} });
  await using _worker = await workerOf(producer.engine, executors, {
    storage: storage.settings,
    reconcileEveryMs: 200,
  });
  await expect
    .poll(async () => (await openai.batches.retrieve(batch.id)).status, { timeout: 20_000 })
    .toBe('completed');
  await expect
    .poll(async () => (await openai.batches.retrieve(other.id)).status, { timeout: 20_000 })
    .toBe('cancelled');

  expect(batch.status).toBe('validating');
  expect(cancelled.status).toBe('cancelling');
  expect(took).toBeLessThan(5_000);
});
