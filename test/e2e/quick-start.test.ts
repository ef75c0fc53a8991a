import { fileURLToPath } from 'node:url';
import OpenAI from 'openai';
import { expect, test } from 'vitest';
import { CliProcess, TemporaryFolder } from '../support/cli.ts';
import { isAlive, isAnswered, redisPidOf } from '../support/up.ts';

const REPOSITORY = fileURLToPath(new URL('../..', import.meta.url));

/** The URL and the body of a curl command. */
function parseCurl(command: string): { readonly url: string; readonly body: string } {
  const [, url = '', body = ''] = /curl (\S+)[^]*-d '([^']*)'/.exec(command) ?? [];
  return { url, body };
}

test('npm start runs an engine that answers the curl command it shows and the OpenAI SDK, until Ctrl-C', async () => {
  await using home = await TemporaryFolder.create();
  await using start = new CliProcess(['start'], {
    command: ['npm'],
    cwd: REPOSITORY,
    env: { LLM_ENGINE_HOME: home.path, PRODUCER_PORT: '0', MONITOR_PORT: '0', WORKER_PORT: '0' },
  });
  const [, curl = ''] = await start.prints(/Try it:\n([^]*?\}')\n[^]*Ctrl-C stops it/);
  const [, producerUrl = ''] = await start.prints(/Producer +(\S+)/);
  const redis = await redisPidOf(home.path);

  const { url, body } = parseCurl(curl);
  const byCurl = await fetch(url, { method: 'POST', headers: { 'content-type': 'application/json' }, body });
  const openai = new OpenAI({ baseURL: `${producerUrl}/v1`, apiKey: 'none' });
  const bySdk = await openai.chat.completions.create({
    model: 'tiny-chat',
    messages: [{ role: 'user', content: 'Hello!' }],
  });
  start.signal('SIGINT', 'group');
  const { stderr } = await start.ended();

  expect(byCurl.status).toBe(200);
  expect(bySdk.choices[0]?.message.content).not.toBe('');
  expect(stderr).toContain('Stopped.');
  expect(await isAnswered(producerUrl)).toBe(false);
  expect(await isAlive(redis)).toBe(false);
});
