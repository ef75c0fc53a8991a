import { createExecutors, defineEngineConfig } from '@llm-engine/executors';
import { expect, test } from 'vitest';
import { TestEngine, chat } from '../support/engine.ts';
import { startModelServer } from '../support/model-server.ts';
import { freePort } from '../support/redis-server.ts';
import { workerOf } from '../support/worker.ts';

test('a model server that comes later is found, its models appear in the catalogue, and answer', async () => {
  await using engine = await TestEngine.start({ models: [] });
  const port = await freePort();
  const config = defineEngineConfig({ servers: [{ url: `http://127.0.0.1:${port}/v1` }] });
  await using executors = createExecutors(config, { env: {} });
  await using _worker = await workerOf(engine, executors);
  const ask = chat('Hi', { body: { model: 'late', messages: [{ role: 'user', content: 'Hi' }] } });
  const models = async () => (await engine.producer.models.list()).map(({ id }) => id);

  const before = await models();
  await expect(engine.producer.submit(ask)).rejects.toMatchObject({ code: 'model_not_found' });
  await using _server = await startModelServer({ port, models: ['late'] });
  await expect.poll(models, { timeout: 20_000 }).toEqual(['late']);
  const record = await engine.producer.run(ask, { timeoutMs: 10_000 });

  expect(before).toEqual([]);
  expect(record).toMatchObject({ state: 'succeeded', model: 'late' });
});

test('a model whose server has gone stays known, so that its jobs can wait for it', async () => {
  await using engine = await TestEngine.start({ models: [] });
  await using server = await startModelServer({ models: ['kept'] });
  const config = defineEngineConfig({ servers: [{ url: server.url }] });
  await using executors = createExecutors(config, { env: {} });
  await using _worker = await workerOf(engine, executors, { backoff: { baseMs: 20, capMs: 100 } });
  await expect.poll(async () => (await engine.producer.models.list()).map(({ id }) => id)).toEqual(['kept']);

  await server.stop();
  const handle = await engine.producer.submit(
    chat('Hi', { body: { model: 'kept', messages: [{ role: 'user', content: 'Hi' }] }, maxAttempts: 100 }),
  );
  await expect.poll(async () => (await handle.status()).attempts, { timeout: 10_000 }).toBeGreaterThan(0);
  await server.start();

  expect(await handle.result({ timeoutMs: 30_000 })).toMatchObject({ state: 'succeeded' });
});
