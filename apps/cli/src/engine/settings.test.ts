import { describe, expect, test } from 'vitest';
import { readSettings } from './settings.ts';

describe('readSettings', () => {
  test('nothing set means loopback, the usual ports and embedded servers', () => {
    const settings = readSettings({});

    expect(settings).toEqual({
      home: '.llm-engine',
      producer: { host: '127.0.0.1', port: 8080 },
      monitor: { host: '127.0.0.1', port: 8081 },
      worker: { host: '127.0.0.1', port: 9464 },
      logLevel: 'warn',
    });
  });

  test('an empty variable counts as not set', () => {
    const settings = readSettings({ PRODUCER_PORT: '', REDIS_URL: '', DATABASE_URL: '', LLM_ENGINE_HOME: '' });

    expect(settings).toEqual(readSettings({}));
  });

  test('what is set is taken', () => {
    const settings = readSettings({
      PRODUCER_PORT: '0',
      MONITOR_HOST: '0.0.0.0',
      REDIS_URL: 'rediss://user:password@redis:6380/1',
      DATABASE_URL: 'postgresql://user:password@postgres/engine',
      STORAGE_URL: 's3://bucket/prefix',
      LLM_ENGINE_PREFIX: 'blue',
      LLM_ENGINE_CONFIG: 'models.yaml',
      MODEL_URL: 'http://127.0.0.1:11434/v1',
      LOG_LEVEL: 'debug',
    });

    expect(settings).toMatchObject({
      producer: { host: '127.0.0.1', port: 0 },
      monitor: { host: '0.0.0.0', port: 8081 },
      redisUrl: 'rediss://user:password@redis:6380/1',
      databaseUrl: 'postgresql://user:password@postgres/engine',
      storageUrl: 's3://bucket/prefix',
      prefix: 'blue',
      configFile: 'models.yaml',
      modelUrl: 'http://127.0.0.1:11434/v1',
      logLevel: 'debug',
    });
  });

  test.each([
    ['PRODUCER_PORT', 'web'],
    ['PRODUCER_PORT', '-1'],
    ['WORKER_PORT', '70000'],
    ['MODEL_URL', 'localhost:11434'],
    ['REDIS_URL', 'http://127.0.0.1'],
    ['DATABASE_URL', 'mysql://127.0.0.1/engine'],
    ['LOG_LEVEL', 'loud'],
  ])('%s=%s is refused by name', (name, value) => {
    const read = () => readSettings({ [name]: value });

    expect(read).toThrow(expect.objectContaining({ code: 'invalid_setting' }));
    expect(read).toThrow(`${name} is '${value}'; it must be`);
  });

  test('every problem is told at once', () => {
    const read = () => readSettings({ PRODUCER_PORT: 'web', LOG_LEVEL: 'loud' });

    expect(read).toThrow(/PRODUCER_PORT[^]*LOG_LEVEL/);
  });
});
