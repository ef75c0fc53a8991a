import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { writeEngineFile } from './engine-file.ts';
import { createHome, homeAt } from './home.ts';
import type { Home } from './home.ts';
import { lockHome } from './home-lock.ts';

async function temporaryHome(): Promise<{ readonly home: Home } & AsyncDisposable> {
  const folder = await mkdtemp(join(tmpdir(), 'llm-engine-lock-'));
  const home = homeAt(join(folder, 'home'));
  await createHome(home);
  return { home, [Symbol.asyncDispose]: () => rm(folder, { recursive: true }) };
}

describe('lockHome', () => {
  test('a home is held by one engine at a time, and the other is told by which', async () => {
    await using temporary = await temporaryHome();
    const { home } = temporary;
    using _held = await lockHome(home);
    await writeEngineFile(home, { pid: 4711, startedAt: 0, producerUrl: 'http://127.0.0.1:8080' });

    const second = lockHome(home);

    await expect(second).rejects.toMatchObject({
      code: 'home_in_use',
      message: expect.stringMatching(/process 4711, producer http:\/\/127\.0\.0\.1:8080.*LLM_ENGINE_HOME/),
    });
  });

  test('a home that was given back can be taken again', async () => {
    await using temporary = await temporaryHome();
    const first = await lockHome(temporary.home);
    first[Symbol.dispose]();

    using again = await lockHome(temporary.home);

    expect(again).toBeDefined();
  });

  test('a folder that cannot be a home is named', async () => {
    const creating = createHome(homeAt('/dev/null/home'));

    await expect(creating).rejects.toMatchObject({
      code: 'home_not_writable',
      message: expect.stringContaining('/dev/null/home'),
    });
  });
});
