import { expect, test } from 'vitest';
import { failureOf, never } from '../conformance/subject.ts';
import { createExecutors } from './create-executors.ts';
import { defineEngineConfig } from './load.ts';

test('models of both executors are made, with their pools and endpoints', async () => {
  const config = defineEngineConfig({
    models: {
      fast: { executor: 'mock', pool: 'small', apis: ['chat'], trainable: false },
      llama: { executor: 'openai', endpoints: ['http://gpu-1:8000'], pool: 'large', ownedBy: 'meta' },
    },
  });
  await using registry = createExecutors(config, { env: {} });

  await registry.refresh(never());

  expect(registry.known()).toMatchObject([
    { id: 'fast', executor: 'mock', pool: 'small', endpoints: ['/v1/chat/completions'], trainable: false },
    { id: 'llama', executor: 'openai', pool: 'large', ownedBy: 'meta', trainable: false },
  ]);
});

test('the settings of a mock reach it', async () => {
  const config = defineEngineConfig({
    models: {
      flaky: {
        executor: 'mock',
        latency: { kind: 'fixed', time: '0ms' },
        tokenLatency: { kind: 'uniform', min: '0ms', max: '0ms' },
        failureRates: { overloaded: 1 },
      },
      slow: { executor: 'mock', latency: { kind: 'normal', mean: '0ms', deviation: '0ms' } },
      tail: {
        executor: 'mock',
        latency: { kind: 'lognormal', median: '0ms', sigma: 1 },
        training: { stepTime: '0ms' },
      },
    },
    mock: { seed: 3, concurrency: 2 },
  });
  await using registry = createExecutors(config, { env: {} });
  await registry.refresh(never());
  const infer = (model: string) =>
    registry
      .resolve(model)
      ?.executor.infer(
        { jobId: 'j', endpoint: '/v1/completions', body: { model, prompt: 'x' }, priority: 'standard' },
        { signal: never() },
      );

  const flaky = await failureOf(Promise.resolve(infer('flaky')));
  const others = await Promise.all([infer('slow'), infer('tail')]);

  expect(flaky).toMatchObject({ class: 'overloaded' });
  expect(others).toMatchObject([{ kind: 'completed' }, { kind: 'completed' }]);
  await expect(registry.health(never())).resolves.toMatchObject([{ executor: 'mock', slots: 2 }]);
});

test('an empty configuration has no models and nothing that could be ill', async () => {
  await using registry = createExecutors(defineEngineConfig({}), { env: {} });

  await expect(registry.models(never())).resolves.toEqual([]);
  await expect(registry.health(never())).resolves.toEqual([]);
});

test('a key that is not in the environment is told with its variable and place', () => {
  const config = defineEngineConfig({ servers: [{ url: 'http://gpu-1', apiKeyEnv: 'VLLM_KEY' }] });

  expect(() => createExecutors(config, { env: { VLLM_KEY: '' } })).toThrow(/servers\[0\]\.apiKeyEnv.*VLLM_KEY/);
});

test('keys are taken from the environment', async () => {
  const config = defineEngineConfig({
    models: {
      llama: { executor: 'openai', endpoints: ['http://gpu-1'], apiKeyEnv: 'VLLM_KEY', headers: { 'x-a': 'b' } },
    },
    servers: [{ url: 'http://gpu-2', apiKeyEnv: 'VLLM_KEY', concurrency: 8 }],
  });

  await using registry = createExecutors(config, { env: { VLLM_KEY: 'secret' } });

  expect(registry.known()).toEqual([]);
});
