import { Access } from '@llm-engine/http';
import type { Monitor } from '@llm-engine/monitor';
import { expect, test } from 'vitest';
import { TestEngine, chat, modelInfo } from '../support/engine.ts';
import { monitorOf } from '../support/monitor.ts';

interface BoardQueue {
  readonly name: string;
  readonly readOnlyMode: boolean;
  readonly counts: Readonly<Record<string, number>>;
}

async function boardQueues({ url }: Monitor): Promise<BoardQueue[]> {
  const answer = await fetch(`${url}/queues/api/queues`);
  const { queues } = (await answer.json()) as { queues: BoardQueue[] };
  return queues;
}

test('Bull Board shows the queues of the engine, those that appear later included', async () => {
  await using engine = await TestEngine.start({ models: [modelInfo('m'), modelInfo('big', { pool: 'big' })] });
  await using monitor = await monitorOf(engine);

  const none = await boardQueues(monitor);
  await engine.producer.submitMany([
    chat('one'),
    chat('two', { body: { model: 'big', messages: [{ role: 'user', content: 'two' }] } }),
  ]);
  const two = await boardQueues(monitor);

  expect(none).toEqual([]);
  expect(two.map(({ name, counts }) => [name, counts['prioritized']])).toEqual([
    ['inference.big', 1],
    ['inference.default', 1],
  ]);
});

test('Bull Board only looks: it changes neither queues nor jobs', async () => {
  await using engine = await TestEngine.start();
  await using monitor = await monitorOf(engine);
  const { id } = await engine.producer.submit(chat());
  const queue = `${monitor.url}/queues/api/queues/inference.default`;

  const shown = await boardQueues(monitor);
  const answers = await Promise.all(
    [
      fetch(`${queue}/pause`, { method: 'PUT' }),
      fetch(`${queue}/empty`, { method: 'PUT' }),
      fetch(`${queue}/obliterate`, { method: 'PUT' }),
      fetch(`${queue}/${id}/clean`, { method: 'PUT' }),
      fetch(`${queue}/concurrency`, { method: 'PUT' }),
      fetch(`${queue}/add`, { method: 'POST' }),
      fetch(`${monitor.url}/queues/api/queues/pause`, { method: 'PUT' }),
    ].map(async (answer) => (await answer).status),
  );

  expect(shown).toMatchObject([{ readOnlyMode: true }]);
  expect(new Set(answers)).toEqual(new Set([405]));
  const [snapshot] = await engine.inspector.queues();
  expect(snapshot).toMatchObject({ paused: false, counts: { prioritized: 1 } });
});

test('its page and its files are served behind the key, and ask nobody else for anything', async () => {
  await using engine = await TestEngine.start();
  await using monitor = await monitorOf(engine, { access: new Access(['k-1']) });
  const headers = { authorization: `Basic ${Buffer.from('operator:k-1').toString('base64')}` };

  const page = await fetch(`${monitor.url}/queues`, { headers });
  const html = await page.text();
  const scripts = [...html.matchAll(/<script[^>]* src="([^"]+)"/g)].map(([, source]) => `/queues/${source}`);
  const assets = await Promise.all(scripts.map((path) => fetch(monitor.url + path, { headers })));
  await Promise.all(assets.map((asset) => asset.arrayBuffer()));
  const [withoutKey, apiWithoutKey, assetWithoutKey] = await Promise.all(
    ['/queues', '/queues/api/queues', scripts[0] ?? ''].map((path) =>
      fetch(monitor.url + path, { headers: { accept: 'text/html' } }),
    ),
  );

  expect(page.status).toBe(200);
  expect(html).toContain('<base href="/queues/" />');
  expect(page.headers.get('content-security-policy')).toContain("font-src 'self'");
  expect(assets.length).toBeGreaterThan(0);
  expect(assets.map(({ status }) => status)).toEqual(assets.map(() => 200));
  expect([withoutKey?.status, apiWithoutKey?.status, assetWithoutKey?.status]).toEqual([401, 401, 401]);
  expect(withoutKey?.headers.get('www-authenticate')).toMatch(/^Basic /);
});
