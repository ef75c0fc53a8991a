import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { writeEngineFile } from '../engine/engine-file.ts';
import { homeAt } from '../engine/home.ts';
import { findMonitor, findProducer } from './find-engine.ts';

async function temporaryHome(): Promise<{ readonly path: string } & AsyncDisposable> {
  const path = await mkdtemp(join(tmpdir(), 'llm-engine-find-'));
  return { path, [Symbol.asyncDispose]: () => rm(path, { recursive: true }) };
}

describe('the address of an engine', () => {
  test('is the one that is named, by option before environment', async () => {
    const env = { LLM_ENGINE_URL: 'http://a', LLM_ENGINE_MONITOR_URL: 'http://b' };

    expect(await findProducer({ url: 'http://c', env })).toBe('http://c');
    expect(await findProducer({ env })).toBe('http://a');
    expect(await findMonitor({ env })).toBe('http://b');
  });

  test('else that of the engine that runs in the home', async () => {
    await using home = await temporaryHome();
    const env = { LLM_ENGINE_HOME: home.path, LLM_ENGINE_URL: '' };
    await writeEngineFile(homeAt(home.path), { pid: 1, startedAt: 0, producerUrl: 'http://p', monitorUrl: 'http://m' });

    expect(await findProducer({ env })).toBe('http://p');
    expect(await findMonitor({ env })).toBe('http://m');
  });

  test('else where one usually listens', async () => {
    await using home = await temporaryHome();
    const env = { LLM_ENGINE_HOME: home.path };

    expect(await findProducer({ env })).toBe('http://127.0.0.1:8080');
    expect(await findMonitor({ env })).toBe('http://127.0.0.1:8081');
  });
});
