import { describe, expect, test } from 'vitest';
import type { Machine } from '../embedded/machine.ts';
import { obtainServer } from './obtain-server.ts';

interface MachineScript {
  readonly platform?: NodeJS.Platform;
  readonly isRoot?: boolean;
  readonly programs?: readonly string[];
  /** Programs that exist once a command with these words has run. */
  readonly installs?: Readonly<Record<string, readonly string[]>>;
  /** Words of the commands that fail, with what they print. */
  readonly fails?: Readonly<Record<string, string>>;
}

function scriptedMachine(script: MachineScript): { machine: Machine; ran: string[] } {
  const ran: string[] = [];
  const programs = new Set(script.programs);
  const machine: Machine = {
    platform: script.platform ?? 'linux',
    architecture: 'x64',
    isRoot: script.isRoot ?? false,
    find: async (...names) => {
      const name = names.find((candidate) => programs.has(candidate));
      return name === undefined ? undefined : `/usr/bin/${name}`;
    },
    run: async (command) => {
      const line = command.join(' ');
      ran.push(line);
      const failing = Object.entries(script.fails ?? {}).find(([words]) => line.includes(words));
      if (failing !== undefined) return { ok: false, output: failing[1] };
      for (const [words, added] of Object.entries(script.installs ?? {})) {
        if (line.includes(words)) for (const program of added) programs.add(program);
      }
      return { ok: true, output: '' };
    },
  };
  return { machine, ran };
}

const APT_UPDATE = 'apt-get -o DPkg::Lock::Timeout=120 update';
const APT_INSTALL = 'apt-get -o DPkg::Lock::Timeout=120 install -y --no-install-recommends redis-server';
const AS_ROOT = 'sudo -n env DEBIAN_FRONTEND=noninteractive';
const installs = { 'install -y': ['redis-server'], 'brew install': ['redis-server'] };

describe('obtainServer', () => {
  test('uses an installed Redis and runs nothing', async () => {
    const { machine, ran } = scriptedMachine({ programs: ['redis-server', 'apt-get', 'docker'], isRoot: true });

    const program = await obtainServer(machine, () => undefined);

    expect(program).toEqual({ kind: 'program', path: '/usr/bin/redis-server' });
    expect(ran).toEqual([]);
  });

  test('uses an installed Valkey where there is no Redis', async () => {
    const { machine } = scriptedMachine({ programs: ['valkey-server'] });

    const program = await obtainServer(machine, () => undefined);

    expect(program).toEqual({ kind: 'program', path: '/usr/bin/valkey-server' });
  });

  test('installs with apt-get as root, and says so in one line', async () => {
    const { machine, ran } = scriptedMachine({ programs: ['apt-get'], isRoot: true, installs });
    const said: string[] = [];

    const program = await obtainServer(machine, (line) => said.push(line));

    expect(program).toEqual({ kind: 'program', path: '/usr/bin/redis-server' });
    expect(ran).toEqual([APT_UPDATE, APT_INSTALL]);
    expect(said).toEqual(['No Redis server found; installing one with apt-get.']);
  });

  test('installs with apt-get through sudo when no password is needed', async () => {
    const { machine, ran } = scriptedMachine({ programs: ['apt-get', 'sudo'], installs });

    await obtainServer(machine, () => undefined);

    expect(ran).toEqual(['sudo -n true', `${AS_ROOT} ${APT_UPDATE}`, `${AS_ROOT} ${APT_INSTALL}`]);
  });

  test('switches off the service that the Debian package starts', async () => {
    const { machine, ran } = scriptedMachine({ programs: ['apt-get', 'systemctl'], isRoot: true, installs });

    await obtainServer(machine, () => undefined);

    expect(ran.at(-1)).toBe('systemctl disable --now redis-server.service');
  });

  test('installs from the package cache when the package lists cannot be updated', async () => {
    const { machine } = scriptedMachine({
      programs: ['apt-get'],
      isRoot: true,
      installs,
      fails: { update: 'Temporary failure resolving deb.debian.org' },
    });

    const program = await obtainServer(machine, () => undefined);

    expect(program.kind).toBe('program');
  });

  test('installs with Homebrew on a Mac', async () => {
    const { machine, ran } = scriptedMachine({ platform: 'darwin', programs: ['brew'], installs });

    await obtainServer(machine, () => undefined);

    expect(ran).toEqual(['/usr/bin/brew install redis']);
  });

  test('turns to Docker when sudo asks for a password', async () => {
    const { machine, ran } = scriptedMachine({
      programs: ['apt-get', 'sudo', 'docker'],
      fails: { 'sudo -n true': 'sudo: a password is required' },
    });
    const said: string[] = [];

    const program = await obtainServer(machine, (line) => said.push(line));

    expect(program.kind).toBe('docker');
    expect(ran).toEqual(['sudo -n true', '/usr/bin/docker info']);
    expect(said).toEqual([expect.stringContaining('running one with Docker')]);
  });

  test('turns to Docker when the installation fails', async () => {
    const { machine } = scriptedMachine({
      programs: ['apt-get', 'docker'],
      isRoot: true,
      fails: { 'install -y': 'E: Unable to locate package redis-server' },
    });

    const program = await obtainServer(machine, () => undefined);

    expect(program.kind).toBe('docker');
  });

  test('says what to type when there is no way to a server', async () => {
    const { machine } = scriptedMachine({});

    const obtaining = obtainServer(machine, () => undefined);

    await expect(obtaining).rejects.toMatchObject({
      code: 'redis_missing',
      message: expect.stringContaining('sudo apt-get update && sudo apt-get install -y redis-server'),
    });
  });

  test('says why each way failed', async () => {
    const { machine } = scriptedMachine({
      programs: ['apt-get', 'docker'],
      isRoot: true,
      fails: { 'install -y': 'E: Unable to locate package redis-server', 'docker info': 'Cannot connect' },
    });

    const obtaining = obtainServer(machine, () => undefined);

    await expect(obtaining).rejects.toThrow(/Unable to locate package[^]*daemon does not answer[^]*REDIS_URL=/);
  });
});
