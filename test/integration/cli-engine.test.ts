import { Access } from '@llm-engine/http';
import { describe, expect, test } from 'vitest';
import { runCli } from '../support/cli.ts';
import { TestEngine, randomPrefix } from '../support/engine.ts';
import { startModelServer } from '../support/model-server.ts';
import { monitorOf } from '../support/monitor.ts';
import { TestProducer } from '../support/producer.ts';
import { RedisServer } from '../support/redis-server.ts';

/** Nobody listens there. */
const NOWHERE = 'http://127.0.0.1:1';

describe('the engine that a command talks to', () => {
  test('that does not answer ends with 3 and says how to start one', async () => {
    const { code, stdout, stderr } = await runCli(['jobs', '--url', NOWHERE]);

    expect({ code, stdout }).toEqual({ code: 3, stdout: '' });
    expect(stderr).toMatch(/error engine_unreachable: Nothing answers at http:\/\/127\.0\.0\.1:1.*llm-engine up/);
  });

  test('that is something else is said to be so', async () => {
    await using other = await startModelServer();

    const { code, stderr } = await runCli(['jobs', '--url', new URL(other.url).origin]);

    expect(code).not.toBe(0);
    expect(stderr).toMatch(/^error \w+: /);
  });

  test('that cannot reach its queue ends with 3, since the same command may work later', async () => {
    await using redis = await RedisServer.start();
    await using producer = await TestProducer.start({ redisUrl: redis.url });
    await redis.kill();

    const { code, stderr } = await runCli(['submit', '--model', 'm', 'Hello', '--url', producer.url]);

    expect({ code, stderr }).toEqual({ code: 3, stderr: expect.stringContaining('error queue_unavailable:') });
  });

  test('that asks for a key takes it from the option or the environment', async () => {
    await using producer = await TestProducer.start({ access: new Access(['secret']) });
    const env = { LLM_ENGINE_URL: producer.url };

    const [without, byOption, byVariable] = await Promise.all([
      runCli(['jobs', '--json'], { env }),
      runCli(['jobs', '--json', '--api-key', 'secret'], { env }),
      runCli(['jobs', '--json'], { env: { ...env, LLM_ENGINE_API_KEY: 'secret' } }),
    ]);

    expect(without.code).toBe(1);
    expect(JSON.parse(without.stderr)).toEqual({
      error: { code: 'missing_api_key', message: expect.stringContaining('LLM_ENGINE_API_KEY') },
    });
    expect([byOption.code, byVariable.code]).toEqual([0, 0]);
  });

  test('is named by an address that makes sense', async () => {
    const { code, stderr } = await runCli(['jobs', '--url', 'localhost:8080']);

    expect({ code, stderr }).toEqual({ code: 2, stderr: expect.stringContaining('http://127.0.0.1:8080') });
  });
});

describe('health', () => {
  test('says how each part is, and ends with 1 when the engine cannot work', async () => {
    await using redis = await RedisServer.start();
    await using engine = await TestEngine.start({ redisUrl: redis.url, prefix: randomPrefix() });
    await using monitor = await monitorOf(engine);

    const up = await runCli(['health', '--url', monitor.url]);
    await redis.kill();
    const down = await runCli(['health', '--url', monitor.url]);
    const json = await runCli(['health', '--url', monitor.url, '--json']);

    expect(up.stdout).toMatch(/^(pass|warn|fail) +redis:role +master/m);
    expect(down).toMatchObject({ code: 1, stdout: expect.stringContaining('The engine is not well.') });
    expect(JSON.parse(json.stdout)).toMatchObject({ status: 'fail' });
  });

  test('of an engine that is not there ends with 3', async () => {
    const { code, stderr } = await runCli(['health', '--url', NOWHERE]);

    expect({ code, stderr }).toEqual({ code: 3, stderr: expect.stringContaining('LLM_ENGINE_MONITOR_URL') });
  });
});

describe('the command line', () => {
  test('a word that is no command is answered with the one that was meant', async () => {
    const { code, stderr } = await runCli(['wtch', 'job']);

    expect({ code, stderr }).toEqual({ code: 2, stderr: expect.stringContaining('Did you mean watch?') });
  });

  test.each([
    [['submit', '--model', 'm', '--delay', '5', 'Hello'], '500ms, 30s'],
    [['submit', '--model', 'm', '--meta', 'run', 'Hello'], 'key=value'],
    [['submit', '--model', 'm', '--priority', 'urgent', 'Hello'], 'interactive, standard, bulk'],
    [['jobs', '--limit', '0'], 'whole number'],
  ])('%o ends with 2 and what it should be', async (args, message) => {
    const { code, stderr } = await runCli(args);

    expect({ code, stderr }).toEqual({ code: 2, stderr: expect.stringContaining(message) });
  });

  test('help and version end with 0', async () => {
    const [help, version, helpOfCommand] = await Promise.all([
      runCli(['--help']),
      runCli(['--version']),
      runCli(['submit', '--help']),
    ]);

    expect(help).toMatchObject({ code: 0, stdout: expect.stringContaining('Exit codes:') });
    expect(version).toMatchObject({ code: 0, stdout: expect.stringMatching(/^\d+\.\d+\.\d+\n$/) });
    expect(helpOfCommand).toMatchObject({ code: 0, stdout: expect.stringContaining('Examples:') });
  });
});
