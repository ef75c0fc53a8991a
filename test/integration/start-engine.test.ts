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

test('settings of the single processes hold for those of a whole engine too', async () => {
  await using folder = await TemporaryFolder.create();
  await using engine = await startEngine({ home: folder.path, ports, env: { FILE_MAX_BYTES: '10' } });
  const form = new FormData();
  form.set('file', new File(['more than ten bytes'], 'large.txt'));
  form.set('purpose', 'user_data');

  const answer = await fetch(`${engine.producerUrl}/v1/files`, { method: 'POST', body: form });

  expect(answer.status).toBe(413);
});

test('a setting of a single process that is wrong is refused before anything runs', async () => {
  await using folder = await TemporaryFolder.create();

  const starting = startEngine({ home: folder.path, ports, env: { WORKER_CHUNK_CONCURRENCY: 'many' } });

  await expect(starting).rejects.toThrow(/'WORKER_CHUNK_CONCURRENCY'/);
  await expect(access(join(folder.path, 'engine.json'))).rejects.toThrow('ENOENT');
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
