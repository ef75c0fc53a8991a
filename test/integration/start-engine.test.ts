import { access } from 'node:fs/promises';
import { join } from 'node:path';
import { startEngine } from '@llm-engine/cli';
import { expect, test } from 'vitest';
import { TemporaryFolder } from '../support/cli.ts';
import { isAlive, isAnswered, redisPidOf } from '../support/up.ts';

const ports = { producer: 0, monitor: 0, worker: 0 };

test('an engine runs inside another program, and everything it started ends with it', async () => {
  await using folder = await TemporaryFolder.create();
  const engine = await startEngine({ home: folder.path, ports, env: {} });
  const redis = await redisPidOf(folder.path);

  const ready = await fetch(`${engine.producerUrl}/readyz`);
  await engine.close();
  await engine.close();

  expect(engine.models.toSorted()).toEqual(['mock', 'tiny-chat']);
  expect(ready.status).toBe(200);
  expect(await isAnswered(engine.producerUrl)).toBe(false);
  expect(await isAlive(redis)).toBe(false);
});

test('what is given goes before the environment', async () => {
  await using folder = await TemporaryFolder.create();
  const env = { LLM_ENGINE_HOME: '/dev/null/home', PRODUCER_PORT: '1', MODEL_URL: 'http://127.0.0.1:1/v1' };

  await using engine = await startEngine({ home: folder.path, ports, modelUrl: 'http://127.0.0.1:2/v1', env });

  expect(engine.home).toBe(folder.path);
  expect(engine.models).toEqual([]);
});

test('a start that is given up leaves nothing running', async () => {
  await using folder = await TemporaryFolder.create();
  const given = new AbortController();

  const starting = startEngine({ home: folder.path, ports, env: {}, signal: given.signal });
  given.abort(new Error('changed my mind'));

  await expect(starting).rejects.toThrow('changed my mind');
  await expect(access(join(folder.path, 'redis.json'))).rejects.toThrow('ENOENT');
  await expect(access(join(folder.path, 'engine.json'))).rejects.toThrow('ENOENT');
});
