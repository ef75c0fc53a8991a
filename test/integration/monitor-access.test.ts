import { Access } from '@llm-engine/http';
import { expect, test } from 'vitest';
import { TestEngine } from '../support/engine.ts';
import { monitorOf } from '../support/monitor.ts';

const PRIVATE = [
  '/',
  '/metrics',
  '/health',
  '/queues',
  '/queues/api/queues',
  '/api/queues',
  '/api/workers',
  '/nowhere',
];
const PROBES = ['/livez', '/readyz', '/startupz'];

test('a monitor with keys asks for one everywhere but at its probes', async () => {
  await using engine = await TestEngine.start();
  await using monitor = await monitorOf(engine, { access: new Access(['k-1', 'k-2']) });
  const statuses = (paths: readonly string[], headers: Record<string, string>) =>
    Promise.all(paths.map(async (path) => (await fetch(monitor.url + path, { headers })).status));

  const without = await statuses(PRIVATE, {});
  const wrong = await statuses(PRIVATE, { authorization: 'Bearer k-3' });
  const right = await statuses(PRIVATE, { authorization: 'Bearer k-2' });
  const probes = await statuses(PROBES, {});

  expect(without).toEqual(PRIVATE.map(() => 401));
  expect(wrong).toEqual(PRIVATE.map(() => 401));
  expect(right).toEqual(PRIVATE.map((path) => (path === '/nowhere' ? 404 : 200)));
  expect(probes).toEqual(PROBES.map(() => 200));
});

test('a monitor without keys does not listen where other machines could reach it', async () => {
  await using engine = await TestEngine.start();

  const start = monitorOf(engine, { host: '0.0.0.0' });

  await expect(start).rejects.toMatchObject({
    code: 'invalid_config',
    message: expect.stringMatching(/MONITOR_HOST.*LLM_ENGINE_API_KEYS/),
  });
});

test('the page at / runs nothing and loads nothing', async () => {
  await using engine = await TestEngine.start();
  await using monitor = await monitorOf(engine);

  const answer = await fetch(monitor.url);
  const html = await answer.text();

  expect(answer.headers.get('content-security-policy')).toContain("default-src 'none'");
  expect(html).not.toMatch(/<script|<style|<link|\son\w+=/);
  for (const path of ['/health', '/queues', '/metrics']) expect(html).toContain(`href="${path}"`);
});
