import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { TemporaryFolder } from '../support/cli.ts';
import { startModelServer } from '../support/model-server.ts';
import { Up, isAlive } from '../support/up.ts';

async function submitLater(up: Up): Promise<string> {
  return (await up.cli('submit', '--model', 'mock', '--delay', '1h', 'Later')).stdout.trim();
}

async function stateOf(up: Up, id: string): Promise<unknown> {
  const { code, stdout, stderr } = await up.cli('show', id, '--json');
  return code === 0 ? (JSON.parse(stdout) as { readonly state: unknown }).state : stderr;
}

describe('the embedded Redis', () => {
  test('that dies comes back on the same port with its data, while the engine runs', async () => {
    await using folder = await TemporaryFolder.create();
    await using up = await Up.start({ home: folder.path });
    const id = await submitLater(up);
    const killed = await up.redisPid();

    process.kill(killed, 'SIGKILL');
    await up.process.prints(/Redis ended \(signal SIGKILL\); starting it again/, 'stderr');
    await up.process.prints(/Redis runs again on port \d+/, 'stderr');

    expect(await up.redisPid()).not.toBe(killed);
    // The producer finds it again within a second.
    await expect.poll(() => stateOf(up, id), { timeout: 10_000 }).toBe('scheduled');
  });

  test('that a killed engine left behind is stopped, and its data is there at the next start', async () => {
    await using folder = await TemporaryFolder.create();
    const killed = await Up.start({ home: folder.path });
    const id = await submitLater(killed);
    const orphan = await killed.redisPid();
    await killed.kill();

    await using up = await Up.start({ home: folder.path });

    expect(await isAlive(orphan)).toBe(false);
    expect(await up.redisPid()).not.toBe(orphan);
    expect(await stateOf(up, id)).toBe('scheduled');
  });

  test('that was left behind and hangs is killed, so that the data is never open twice', async () => {
    await using folder = await TemporaryFolder.create();
    const killed = await Up.start({ home: folder.path });
    const id = await submitLater(killed);
    const orphan = await killed.redisPid();
    await killed.kill();
    process.kill(orphan, 'SIGSTOP');

    await using up = await Up.start({ home: folder.path });

    expect(await isAlive(orphan)).toBe(false);
    expect(await stateOf(up, id)).toBe('scheduled');
  });

  test('outlives Ctrl-C until the engine has done with it, and then stops by itself', async () => {
    await using folder = await TemporaryFolder.create();
    await using up = await Up.start({ home: folder.path });

    const { code, stderr } = await up.interrupt();

    expect(code).toBe(0);
    expect(stderr).not.toContain('Redis ended');
    expect(await readFile(join(folder.path, 'redis.log'), 'utf8')).toMatch(/SIGTERM[^]*bye bye/);
  });

  test('goes with an engine that is forced to end', async () => {
    await using folder = await TemporaryFolder.create();
    await using server = await startModelServer({ behaviour: { kind: 'hang' } });
    await using up = await Up.start({ home: folder.path, env: { MODEL_URL: server.url } });
    const redis = await up.redisPid();
    const answer = up.ask('test-model', 'Hello').catch(() => 'cut off');
    await server.request(0);

    const impatient = setInterval(() => up.process.signal('SIGINT'), 100);
    const { code } = await up.process.ended();
    clearInterval(impatient);

    expect(code).toBe(130);
    expect(await answer).toBe('cut off');
    await expect.poll(() => isAlive(redis)).toBe(false);
  });
});
