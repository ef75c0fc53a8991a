import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Database } from '@llm-engine/storage';
import { describe, expect, test } from 'vitest';
import { TemporaryFolder } from '../support/cli.ts';
import { PostgresServer } from '../support/postgres-server.ts';
import { Up, isAlive } from '../support/up.ts';

async function postgresPid({ home }: Up): Promise<number> {
  return Number((await readFile(join(home, 'postgres/postmaster.pid'), 'utf8')).split('\n')[0]);
}

async function databaseUrl({ home }: Up): Promise<string> {
  return (JSON.parse(await readFile(join(home, 'engine.json'), 'utf8')) as { readonly databaseUrl: string })
    .databaseUrl;
}

async function keep(url: string): Promise<void> {
  await using database = await Database.open({ url });
  await database.pool.query(`INSERT INTO keys VALUES ('kept', 'o', 'admin', now())`);
}

async function kept(url: string): Promise<string[]> {
  await using database = await Database.open({ url, connectTimeoutMs: Infinity });
  return (await database.db.query.keys.findMany()).map(({ digest }) => digest);
}

describe('the embedded PostgreSQL', () => {
  test('that dies comes back on the same port with its data, while the engine runs', async () => {
    await using folder = await TemporaryFolder.create();
    await using up = await Up.start({ home: folder.path });
    const url = await databaseUrl(up);
    await keep(url);
    const killed = await postgresPid(up);

    process.kill(killed, 'SIGKILL');
    await up.process.prints(/PostgreSQL ended \(signal SIGKILL\); starting it again/, 'stderr');
    await up.process.prints(/PostgreSQL runs again on port \d+/, 'stderr');

    expect(await postgresPid(up)).not.toBe(killed);
    expect(await kept(url)).toEqual(['kept']);
  });

  test('that a killed engine left behind is stopped, and its data is there at the next start', async () => {
    await using folder = await TemporaryFolder.create();
    const killed = await Up.start({ home: folder.path });
    await keep(await databaseUrl(killed));
    const orphan = await postgresPid(killed);
    await killed.kill();

    await using up = await Up.start({ home: folder.path });

    expect(await isAlive(orphan)).toBe(false);
    expect(await postgresPid(up)).not.toBe(orphan);
    expect(await kept(await databaseUrl(up))).toEqual(['kept']);
  });

  test('that was left behind and hangs is killed, so that the data is never open twice', async () => {
    await using folder = await TemporaryFolder.create();
    const killed = await Up.start({ home: folder.path });
    await keep(await databaseUrl(killed));
    const orphan = await postgresPid(killed);
    await killed.kill();
    process.kill(orphan, 'SIGSTOP');

    await using up = await Up.start({ home: folder.path });

    expect(await isAlive(orphan)).toBe(false);
    expect(await kept(await databaseUrl(up))).toEqual(['kept']);
  });

  test('outlives Ctrl-C until the engine has done with it, and then stops by itself', async () => {
    await using folder = await TemporaryFolder.create();
    await using up = await Up.start({ home: folder.path });
    const postgres = await postgresPid(up);

    const { code, stderr } = await up.interrupt();

    expect(code).toBe(0);
    expect(stderr).not.toContain('PostgreSQL ended');
    expect(await isAlive(postgres)).toBe(false);
    const log = await readFile(join(folder.path, 'postgres.log'), 'utf8');
    expect(log).toMatch(/received fast shutdown request[^]*database system is shut down\n$/);
    expect(log).not.toMatch(/FATAL|PANIC|ERROR/);
  });

  test('starts beside a process that has the number of one that was killed', async () => {
    await using server = await PostgresServer.start();
    await server.kill();
    await writeFile(server.pidFile, `${process.pid}\n`);

    await server.start();

    expect(await kept(server.url)).toEqual([]);
  });

  test('does not run where another is named', async () => {
    await using folder = await TemporaryFolder.create();
    await using server = await PostgresServer.start();

    await using up = await Up.start({ home: folder.path, env: { DATABASE_URL: server.url } });

    expect(await databaseUrl(up)).toBe(server.url);
    await expect(postgresPid(up)).rejects.toThrow('ENOENT');
  });

  test('that is named and does not answer is told of at once', async () => {
    await using folder = await TemporaryFolder.create();
    const env = { DATABASE_URL: 'postgres://me:secret@127.0.0.1:1/engine' };

    const { code, stderr } = await Up.spawn({ home: folder.path, env }).ended();

    expect(code).not.toBe(0);
    expect(stderr).toMatch(/postgres_unreachable.*The PostgreSQL at 127\.0\.0\.1:1 does not answer.*DATABASE_URL/);
    expect(stderr).not.toContain('secret');
  });
});
