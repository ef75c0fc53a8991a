import { access, mkdir, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import type { Machine } from '../embedded/machine.ts';
import { openCluster } from './cluster.ts';
import type { ClusterOptions } from './cluster.ts';

const program = { postgres: ['postgres'], initdb: ['initdb'], majorVersion: '18' } as const;

/** A home in which initdb does what the test says. */
async function home(
  initdb: (folder: string) => Promise<string | undefined>,
): Promise<ClusterOptions & AsyncDisposable> {
  const root = await mkdtemp(join(tmpdir(), 'llm-engine-cluster-'));
  const machine: Machine = {
    platform: 'linux',
    architecture: 'x64',
    isRoot: false,
    find: async () => undefined,
    run: async (command) => {
      const folder = command.find((word) => word.startsWith('--pgdata='))?.slice('--pgdata='.length) ?? '';
      const failure = await initdb(folder);
      return { ok: failure === undefined, output: failure ?? '' };
    },
  };
  return {
    program,
    machine,
    dataFolder: join(root, 'postgres'),
    passwordFile: join(root, 'postgres.password'),
    [Symbol.asyncDispose]: () => rm(root, { recursive: true }),
  };
}

async function made(folder: string, version = '18'): Promise<undefined> {
  await mkdir(folder, { recursive: true });
  await writeFile(join(folder, 'PG_VERSION'), `${version}\n`);
}

describe('openCluster', () => {
  test('makes the data folder once, and keeps its password for the owner alone', async () => {
    let times = 0;
    await using options = await home((folder) => {
      times += 1;
      return made(folder);
    });

    const first = await openCluster(options);
    const second = await openCluster(options);

    expect(times).toBe(1);
    expect(first).toMatch(/^[0-9a-f]{48}$/);
    expect(second).toBe(first);
    expect((await stat(options.passwordFile)).mode & 0o777).toBe(0o600);
  });

  test('begins again where a start was killed before the folder was whole', async () => {
    await using options = await home(async (folder) => {
      await expect(access(folder)).rejects.toThrow('ENOENT');
      return made(folder);
    });
    await mkdir(`${options.dataFolder}.new/half`, { recursive: true });

    await openCluster(options);

    expect(await readFile(join(options.dataFolder, 'PG_VERSION'), 'utf8')).toBe('18\n');
  });

  test('says why the folder could not be made, and leaves no half of it', async () => {
    await using options = await home(async (folder) => {
      await mkdir(folder);
      return 'initdb: error: No space left on device';
    });

    await expect(openCluster(options)).rejects.toMatchObject({
      code: 'postgres_failed',
      message: expect.stringContaining('No space left on device'),
    });
    await expect(access(`${options.dataFolder}.new`)).rejects.toThrow('ENOENT');
  });

  test('refuses the data of another major version, and names both', async () => {
    await using options = await home((folder) => made(folder));
    await made(options.dataFolder, '17');

    await expect(openCluster(options)).rejects.toMatchObject({
      code: 'postgres_version',
      message: expect.stringMatching(/PostgreSQL 17, and PostgreSQL 18 .* cannot read it.*move the folder away/),
    });
  });

  test('says which file is missing where the password is', async () => {
    await using options = await home((folder) => made(folder));
    await made(options.dataFolder);

    await expect(openCluster(options)).rejects.toMatchObject({
      code: 'postgres_failed',
      message: expect.stringMatching(/postgres\.password cannot be read.*Put it back/),
    });
  });
});
