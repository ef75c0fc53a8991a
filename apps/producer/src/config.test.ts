import { expect, test } from 'vitest';
import { readConfig } from './config.ts';

test('without settings the producer listens on loopback and looks for Redis on this machine', () => {
  const config = readConfig({ PRODUCER_PORT: '', HOME: '/root' });

  expect(config).toEqual({
    REDIS_URL: 'redis://127.0.0.1:6379',
    LLM_ENGINE_PREFIX: 'llm-engine',
    PRODUCER_HOST: '127.0.0.1',
    PRODUCER_PORT: 8080,
    PRODUCER_BODY_LIMIT: 10 * 1024 * 1024,
    FILE_MAX_BYTES: 512_000_000,
    BATCH_MAX_INPUT_BYTES: 200_000_000,
    PRODUCER_SYNC_TIMEOUT_MS: 600_000,
    PRODUCER_GRACE_MS: 20_000,
    LOG_LEVEL: 'info',
  });
});

test('numbers are read from text', () => {
  const config = readConfig({ PRODUCER_PORT: '0', PRODUCER_GRACE_MS: '500' });

  expect(config).toMatchObject({ PRODUCER_PORT: 0, PRODUCER_GRACE_MS: 500 });
});

test.each([
  ['PRODUCER_PORT', 'http'],
  ['PRODUCER_PORT', '65536'],
  ['PRODUCER_BODY_LIMIT', '-1'],
  ['PRODUCER_SYNC_TIMEOUT_MS', '0'],
  ['FILE_MAX_BYTES', '0'],
  ['BATCH_MAX_INPUT_BYTES', '1.5'],
  ['DATABASE_URL', 'mysql://localhost/engine'],
  ['REDIS_URL', 'localhost:6379'],
  ['REDIS_URL', 'https://localhost'],
  ['LOG_LEVEL', 'loud'],
])('%s=%s is refused with the name of the setting', (name, value) => {
  expect(() => readConfig({ [name]: value })).toThrow(
    expect.objectContaining({ code: 'invalid_config', message: expect.stringContaining(name) }),
  );
});
