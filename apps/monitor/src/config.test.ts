import { expect, test } from 'vitest';
import { readConfig, waitSlo } from './config.ts';

test('without settings the monitor looks at a Redis on this machine and listens on loopback', () => {
  expect(readConfig({ PATH: '/bin', REDIS_URL: '' })).toEqual({
    REDIS_URL: 'redis://127.0.0.1:6379',
    LLM_ENGINE_PREFIX: 'llm-engine',
    MONITOR_HOST: '127.0.0.1',
    MONITOR_PORT: 8081,
    LOG_LEVEL: 'info',
    INFERENCE_WAIT_SLO_SECONDS: 60,
    FINE_TUNE_WAIT_SLO_SECONDS: 3_600,
    BATCH_WAIT_SLO_SECONDS: 86_400,
  });
});

test.each([
  ['MONITOR_PORT', '80a'],
  ['MONITOR_PORT', '65536'],
  ['MONITOR_PORT', '-1'],
  ['REDIS_URL', 'localhost:6379'],
  ['REDIS_URL', 'http://localhost:6379'],
  ['LOG_LEVEL', 'loud'],
  ['INFERENCE_WAIT_SLO_SECONDS', '0'],
])('%s=%s is refused with its name', (name, value) => {
  expect(() => readConfig({ [name]: value })).toThrow(
    expect.objectContaining({ code: 'invalid_config', message: expect.stringContaining(`'${name}'`) }),
  );
});

test('a password in a REDIS_URL that is refused is not repeated', () => {
  expect(() => readConfig({ REDIS_URL: 'http://:hunter2@redis' })).toThrow(
    expect.objectContaining({ message: expect.not.stringContaining('hunter2') }),
  );
});

test('fine-tunes and batches have objectives of their own; maintenance waits no longer than a request', () => {
  const of = waitSlo(
    readConfig({
      INFERENCE_WAIT_SLO_SECONDS: '5',
      FINE_TUNE_WAIT_SLO_SECONDS: '600',
      BATCH_WAIT_SLO_SECONDS: '7200',
    }),
  );

  expect(['inference.default', 'fine-tune', 'batch.default', 'maintenance'].map(of)).toEqual([5, 600, 7_200, 5]);
});
