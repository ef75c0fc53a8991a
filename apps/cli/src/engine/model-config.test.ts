import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { chooseModels, ownModels, poolsOf } from './model-config.ts';

async function temporaryConfig(text: string): Promise<{ readonly path: string } & AsyncDisposable> {
  const folder = await mkdtemp(join(tmpdir(), 'llm-engine-config-'));
  const path = join(folder, 'models.yaml');
  await writeFile(path, text);
  return { path, [Symbol.asyncDispose]: () => rm(folder, { recursive: true }) };
}

/** Holds no engine.yaml. */
const NOWHERE = '/nowhere';
const MODEL_URL = 'http://127.0.0.1:11434/v1';

describe('chooseModels', () => {
  test('nothing named means the models that the engine brings along', async () => {
    const { config } = await chooseModels({ folder: NOWHERE, env: {} });

    expect(config).toBeUndefined();
    expect(Object.keys(ownModels('http://127.0.0.1:1').models)).toEqual(['tiny-chat', 'mock']);
  });

  test('a server that runs already offers its own models, with a key where one is set', async () => {
    const open = await chooseModels({ modelUrl: MODEL_URL, folder: NOWHERE, env: {} });
    const locked = await chooseModels({ modelUrl: MODEL_URL, folder: NOWHERE, env: { MODEL_API_KEY: 'secret' } });

    expect(open.config).toMatchObject({ models: {}, servers: [{ url: MODEL_URL }] });
    expect(locked.config?.servers).toEqual([{ url: MODEL_URL, apiKeyEnv: 'MODEL_API_KEY' }]);
  });

  test('a file and a server are both offered', async () => {
    await using file = await temporaryConfig('models:\n  slow: { executor: mock, pool: patient }\n');

    const { config, file: read } = await chooseModels({
      configFile: file.path,
      modelUrl: MODEL_URL,
      folder: NOWHERE,
      env: {},
    });

    expect(read).toBe(file.path);
    expect(config?.models).toHaveProperty('slow');
    expect(config?.servers).toHaveLength(1);
  });

  test('a file that was named and is not there is an error', async () => {
    const choosing = chooseModels({ configFile: '/nowhere/engine.yaml', folder: NOWHERE, env: {} });

    await expect(choosing).rejects.toMatchObject({
      code: 'invalid_config',
      message: expect.stringContaining('/nowhere/engine.yaml'),
    });
  });

  test('every pool that a model names is served', async () => {
    await using file = await temporaryConfig('models:\n  slow: { executor: mock, pool: patient }\n');
    const { config } = await chooseModels({ configFile: file.path, folder: NOWHERE, env: {} });

    const pools = config === undefined ? [] : poolsOf(config);

    expect(pools).toEqual(['default', 'patient']);
  });
});
