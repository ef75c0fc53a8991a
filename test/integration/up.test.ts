import { access, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { CliProcess, TemporaryFolder } from '../support/cli.ts';
import { startModelServer } from '../support/model-server.ts';
import { Up, isAlive, isAnswered } from '../support/up.ts';

describe('llm-engine up', () => {
  test('answers with its own small model, and is gone after Ctrl-C, Redis included', async () => {
    await using folder = await TemporaryFolder.create();
    await using up = await Up.start({ home: folder.path });
    const redis = await up.redisPid();

    const answer = await up.ask('tiny-chat', 'What is a queue?');
    const { code, stderr } = await up.interrupt();

    expect(answer).not.toBe('');
    expect({ code, stderr }).toEqual({ code: 0, stderr: expect.stringContaining('Stopped.') });
    expect(await isAlive(redis)).toBe(false);
    for (const url of [up.addresses.producerUrl, up.addresses.monitorUrl, up.addresses.workerUrl]) {
      expect(await isAnswered(url)).toBe(false);
    }
    await expect(access(join(folder.path, 'engine.json'))).rejects.toThrow('ENOENT');
  });

  test('says where everything is, with a curl command that works', async () => {
    await using folder = await TemporaryFolder.create();
    const env = { PRODUCER_PORT: '0', MONITOR_PORT: '0', WORKER_PORT: '0', LLM_ENGINE_HOME: folder.path };
    await using up = new CliProcess(['up'], { cwd: folder.path, env });

    await up.prints(/Ctrl-C stops it/);
    const [, producerUrl] = await up.prints(/Producer +(\S+)/);
    const [, monitorUrl] = await up.prints(/Monitor +(\S+)/);
    const [, boardUrl] = await up.prints(/Bull Board +(\S+)/);
    const [, curl] = await up.prints(/Try it:\n([^]*?\}')\n/);
    up.signal('SIGTERM');
    const { code } = await up.ended();

    expect(curl).toContain(`curl ${producerUrl}/v1/chat/completions`);
    expect(curl).toContain('"model":"tiny-chat"');
    expect(boardUrl).toBe(`${monitorUrl}/queues`);
    expect(code).toBe(0);
  });

  test('keeps its data from one start to the next in the same home', async () => {
    await using folder = await TemporaryFolder.create();
    const first = await Up.start({ home: folder.path });
    const id = (await first.cli('submit', '--model', 'mock', '--delay', '1h', 'Later')).stdout.trim();
    await first.interrupt();

    await using second = await Up.start({ home: folder.path });
    const { stdout } = await second.cli('show', id, '--json');

    expect(JSON.parse(stdout)).toMatchObject({ id, state: 'scheduled' });
  });

  test('engines in two homes do not see each other', async () => {
    await using folderA = await TemporaryFolder.create();
    await using folderB = await TemporaryFolder.create();
    await using upA = await Up.start({ home: folderA.path });
    await using upB = await Up.start({ home: folderB.path });

    const submitted = await upA.cli('submit', '--model', 'mock', '--delay', '1h', 'Only in A');
    const [jobsA, jobsB] = await Promise.all([upA.cli('jobs', '--json'), upB.cli('jobs', '--json')]);

    expect(jobsA.stdout).toContain(submitted.stdout.trim());
    expect(JSON.parse(jobsB.stdout)).toEqual({ data: [], has_more: false });
  });

  test('a second engine in the same home is refused, with the address of the first', async () => {
    await using folder = await TemporaryFolder.create();
    await using up = await Up.start({ home: folder.path });

    const { code, stderr } = await Up.spawn({ home: folder.path }).ended();

    expect(code).toBe(1);
    expect(JSON.parse(stderr)).toEqual({
      error: { code: 'home_in_use', message: expect.stringContaining(up.addresses.producerUrl) },
    });
    expect(await isAnswered(`${up.addresses.producerUrl}/livez`)).toBe(true);
  });

  test('a port that is taken is named with its setting, and nothing is left running', async () => {
    await using folder = await TemporaryFolder.create();
    await using other = await startModelServer({ models: ['m'] });
    const env = { PRODUCER_PORT: new URL(other.url).port };

    const { code, stderr } = await Up.spawn({ home: folder.path, env }).ended();

    expect(code).toBe(2);
    expect(stderr).toMatch(/Port \d+ on 127\.0\.0\.1 is taken by another program.*PRODUCER_PORT/);
    await expect(access(join(folder.path, 'redis.json'))).rejects.toThrow('ENOENT');
    expect(await readFile(join(folder.path, 'redis.log'), 'utf8')).toContain('ready to exit, bye bye');
  });

  test.each(['PRODUCER_HOST', 'MONITOR_HOST'])('%s that others can reach is refused without keys', async (variable) => {
    await using folder = await TemporaryFolder.create();

    const { code, stderr } = await Up.spawn({ home: folder.path, env: { [variable]: '0.0.0.0' } }).ended();

    expect(code).toBe(2);
    expect(stderr).toContain(`${variable} is '0.0.0.0'`);
    expect(stderr).toContain('LLM_ENGINE_API_KEYS');
  });

  test('with keys it listens on every address, and asks for one', async () => {
    await using folder = await TemporaryFolder.create();
    const env = { PRODUCER_HOST: '0.0.0.0', LLM_ENGINE_API_KEYS: 'secret' };
    await using up = await Up.start({ home: folder.path, env });

    const answer = await up.ask('mock', 'Hello', { authorization: 'Bearer secret' });
    const refused = await up.cli('jobs');

    expect(answer).toContain('Hello');
    expect(refused).toMatchObject({ code: 1, stderr: expect.stringContaining('--api-key') });
  });

  test('every problem of an engine.yaml is told before anything runs', async () => {
    await using folder = await TemporaryFolder.create();
    await writeFile(join(folder.path, 'engine.yaml'), 'models:\n  m: { executor: mock, pol: slow }\n');

    const { code, stderr } = await Up.spawn({ home: join(folder.path, 'home'), cwd: folder.path }).ended();

    expect(code).toBe(2);
    expect(stderr).toContain('engine.yaml');
    expect(stderr).toMatch(/pol.*did you mean 'pool'/);
    await expect(access(join(folder.path, 'home'))).rejects.toThrow('ENOENT');
  });

  test('models come from the engine.yaml in the working directory, whatever their pools', async () => {
    await using folder = await TemporaryFolder.create();
    await writeFile(join(folder.path, 'engine.yaml'), 'models:\n  slow: { executor: mock, pool: patient }\n');
    await using up = await Up.start({ home: folder.path });

    const answer = await up.ask('slow', 'Hello');

    expect(up.addresses.models).toEqual(['slow']);
    expect(answer).toContain('Hello');
  });

  test('MODEL_URL puts it in front of a server that runs already, under the names of its models', async () => {
    await using folder = await TemporaryFolder.create();
    await using server = await startModelServer({ models: ['llama', 'qwen'] });
    await using up = await Up.start({ home: folder.path, env: { MODEL_URL: server.url } });

    const answer = await up.ask('qwen', 'Hello');

    expect(up.addresses.models.toSorted()).toEqual(['llama', 'qwen']);
    expect(answer).not.toBe('');
  });

  test('a setting that makes no sense is refused by name', async () => {
    await using folder = await TemporaryFolder.create();

    const { code, stderr } = await Up.spawn({ home: folder.path, env: { PRODUCER_PORT: 'web' } }).ended();

    expect(code).toBe(2);
    expect(stderr).toContain("PRODUCER_PORT is 'web'");
  });

  test('a Redis that was named and does not answer ends the start', async () => {
    await using folder = await TemporaryFolder.create();

    const { code, stderr } = await Up.spawn({ home: folder.path, env: { REDIS_URL: 'redis://127.0.0.1:1' } }).ended();

    expect(code).toBe(1);
    expect(JSON.parse(stderr)).toMatchObject({ error: { code: 'redis_unreachable' } });
  });
});
