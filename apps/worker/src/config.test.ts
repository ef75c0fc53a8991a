import { expect, test } from 'vitest';
import { readConfig } from './config.ts';

test('a worker without settings works for the default pool of a local Redis', () => {
  expect(readConfig({})).toEqual({
    REDIS_URL: 'redis://127.0.0.1:6379',
    LLM_ENGINE_PREFIX: 'llm-engine',
    LLM_ENGINE_CONFIG: 'engine.yaml',
    WORKER_HOST: '127.0.0.1',
    WORKER_PORT: 9464,
    WORKER_POOLS: ['default'],
    WORKER_CONCURRENCY: 50,
    WORKER_FINE_TUNE_CONCURRENCY: 1,
    WORKER_CHUNK_CONCURRENCY: 4,
    WORKER_LINE_CONCURRENCY: 64,
    BATCH_MAX_LINES: 50_000,
    WORKER_GRACE_SECONDS: 10,
    WORKER_LOCK_SECONDS: 30,
    LOG_LEVEL: 'info',
  });
});

test('a setting that is empty counts as not set, and those of other programs are no concern', () => {
  expect(readConfig({ WORKER_PORT: '', PATH: '/bin' })).toEqual(readConfig({}));
});

test('pools are read from a list, spaces or not', () => {
  expect(readConfig({ WORKER_POOLS: 'default, large_1 ,b-2' }).WORKER_POOLS).toEqual(['default', 'large_1', 'b-2']);
});

test.for([
  ['REDIS_URL', 'http://127.0.0.1'],
  ['REDIS_URL', '127.0.0.1:6379'],
  ['LLM_ENGINE_PREFIX', 'p'.repeat(101)],
  ['WORKER_PORT', 'many'],
  ['WORKER_PORT', '70000'],
  ['WORKER_PORT', '1.5'],
  ['WORKER_POOLS', 'Large Models'],
  ['WORKER_POOLS', 'a,,b'],
  ['WORKER_CONCURRENCY', '0'],
  ['WORKER_FINE_TUNE_CONCURRENCY', '-1'],
  ['WORKER_GRACE_SECONDS', '-1'],
  ['WORKER_LOCK_SECONDS', '0'],
  ['LOG_LEVEL', 'loud'],
] as const)('%s=%s is refused, and the setting is named', ([name, value]) => {
  let refusal: unknown;
  try {
    readConfig({ [name]: value });
  } catch (error) {
    refusal = error;
  }

  expect(refusal).toMatchObject({ code: 'invalid_config', message: expect.stringContaining(`'${name}`) });
  expect(refusal).toMatchObject({ message: expect.stringContaining('start again') });
});
