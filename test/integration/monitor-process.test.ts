import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { expect, inject, test } from 'vitest';
import { randomPrefix } from '../support/engine.ts';

const MAIN = fileURLToPath(new URL('../../apps/monitor/src/main.ts', import.meta.url));

function startProcess(settings: Readonly<Record<string, string>>) {
  const child = spawn(process.execPath, ['--conditions=@llm-engine/source', MAIN], {
    env: { PATH: process.env['PATH'], REDIS_URL: inject('redisUrl'), MONITOR_PORT: '0', ...settings },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  return Object.assign(child, { [Symbol.dispose]: () => void child.kill('SIGKILL') });
}

/** The first line of the log in which the monitor says where it listens. */
async function listening({ stdout }: ReturnType<typeof startProcess>): Promise<string> {
  for await (const line of createInterface({ input: stdout })) {
    const { msg, url } = JSON.parse(line) as { msg: string; url?: string };
    if (msg === 'monitor listens' && url !== undefined) return url;
  }
  throw new Error('the monitor ended before it listened');
}

/** Exit code and what was said on the way. */
async function ended(child: ReturnType<typeof startProcess>): Promise<{ code: unknown; stderr: string }> {
  let stderr = '';
  child.stderr.on('data', (part) => (stderr += String(part)));
  const [code] = await once(child, 'close');
  return { code, stderr };
}

test.each(['SIGTERM', 'SIGINT'] as const)('the monitor runs as a program, and ends well on %s', async (signal) => {
  using child = startProcess({ LLM_ENGINE_PREFIX: randomPrefix() });
  const end = ended(child);

  const url = await listening(child);
  const health = await fetch(`${url}/health`);
  child.kill(signal);

  expect(health.status).toBe(200);
  expect(await end).toEqual({ code: 0, stderr: '' });
});

test.each([
  ['an address that others can reach, without keys', { MONITOR_HOST: '0.0.0.0' }, /MONITOR_HOST.*LLM_ENGINE_API_KEYS/],
  ['a port that is none', { MONITOR_PORT: 'eighty' }, /'MONITOR_PORT'/],
  ['a file of keys that is not there', { LLM_ENGINE_API_KEYS_FILE: '/nowhere/keys' }, /LLM_ENGINE_API_KEYS_FILE/],
])('%s ends the start with the reason and a code', async (_what, settings, reason) => {
  using child = startProcess(settings);

  const { code, stderr } = await ended(child);

  expect(code).toBe(1);
  expect(stderr).toMatch(reason);
  expect(stderr.trim().split('\n')).toHaveLength(1);
});

test('a port that is taken ends the start with the setting to change', async () => {
  const other = createServer().listen(0, '127.0.0.1');
  await once(other, 'listening');
  const address = other.address();
  const port = typeof address === 'object' ? address?.port : undefined;
  using child = startProcess({ MONITOR_PORT: String(port) });

  const { code, stderr } = await ended(child);
  other.close();

  expect(code).toBe(1);
  expect(stderr).toMatch(/taken by another program.*MONITOR_PORT/);
});
