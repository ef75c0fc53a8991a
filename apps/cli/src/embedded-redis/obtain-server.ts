import { StartError } from '../engine/start-error.ts';
import type { Machine } from '../embedded/machine.ts';

/** A Redis or Valkey server that can be started here. */
export type RedisProgram =
  { readonly kind: 'program'; readonly path: string } | { readonly kind: 'docker'; readonly image: string };

type Command = readonly [string, ...string[]];

/** One way to install a server. */
interface Installation {
  readonly packageManager: 'apt-get' | 'brew';
  readonly commands: readonly InstallCommand[];
}

interface InstallCommand {
  readonly command: Command;
  /** A failure ends the installation, unless the rest may work without this command. */
  readonly optional: boolean;
}

const SERVERS = ['redis-server', 'valkey-server'] as const;
const DOCKER_IMAGE = 'valkey/valkey:8-alpine';
const REPORTED_LINES = 5;

/**
 * Finds a Redis server; where there is none installs one with the system's package manager; where that cannot be done turns to Docker.
 * `say` is told, in a line each, what is being done.
 */
export async function obtainServer(machine: Machine, say: (line: string) => void): Promise<RedisProgram> {
  const found = await machine.find(...SERVERS);
  if (found !== undefined) return { kind: 'program', path: found };

  const tried: string[] = [];
  const installation = await planInstallation(machine);
  if (installation !== undefined) {
    say(`No Redis server found; installing one with ${installation.packageManager}.`);
    const failure = await install(machine, installation);
    const installed = failure === undefined ? await machine.find(...SERVERS) : undefined;
    if (installed !== undefined) return { kind: 'program', path: installed };
    tried.push(failure ?? `${installation.packageManager} ended well, but no ${SERVERS[0]} is to be found.`);
  }

  const docker = await machine.find('docker');
  if (docker !== undefined) {
    const answer = await machine.run([docker, 'info']);
    if (answer.ok) {
      say(`No Redis server found; running one with Docker (${DOCKER_IMAGE}).`);
      return { kind: 'docker', image: DOCKER_IMAGE };
    }
    tried.push('Docker is installed, but its daemon does not answer.');
  }
  throw new StartError('redis_missing', missingMessage(machine.platform, tried));
}

/** Undefined where nothing can be installed without asking a person for a password. */
async function planInstallation(machine: Machine): Promise<Installation | undefined> {
  if (machine.platform === 'linux' && (await machine.find('apt-get')) !== undefined) {
    const prefix = await rootPrefix(machine);
    if (prefix !== undefined) return aptInstallation(prefix, (await machine.find('systemctl')) !== undefined);
  }
  const brew = await machine.find('brew');
  // Homebrew refuses to run as root.
  if (brew !== undefined && !machine.isRoot) {
    return { packageManager: 'brew', commands: [{ command: [brew, 'install', 'redis'], optional: false }] };
  }
  return undefined;
}

async function rootPrefix(machine: Machine): Promise<readonly string[] | undefined> {
  if (machine.isRoot) return [];
  if ((await machine.find('sudo')) === undefined) return undefined;
  return (await machine.run(['sudo', '-n', 'true'])).ok
    ? ['sudo', '-n', 'env', 'DEBIAN_FRONTEND=noninteractive']
    : undefined;
}

function aptInstallation(prefix: readonly string[], hasSystemd: boolean): Installation {
  const asRoot = (...command: Command): Command => {
    const [program = command[0], ...args] = [...prefix, ...command];
    return [program, ...args];
  };
  // Another installation may hold the lock of the package database for a while.
  const apt = ['apt-get', '-o', 'DPkg::Lock::Timeout=120'] as const;
  const commands: InstallCommand[] = [
    // Without a network the package may still be in the cache.
    { command: asRoot(...apt, 'update'), optional: true },
    { command: asRoot(...apt, 'install', '-y', '--no-install-recommends', 'redis-server'), optional: false },
  ];
  // Debian's package starts a service of its own on port 6379, which nobody asked for.
  if (hasSystemd) {
    commands.push({ command: asRoot('systemctl', 'disable', '--now', 'redis-server.service'), optional: true });
  }
  return { packageManager: 'apt-get', commands };
}

/** Undefined when it went well, else what went wrong. */
async function install(machine: Machine, { packageManager, commands }: Installation): Promise<string | undefined> {
  for (const { command, optional } of commands) {
    const { ok, output } = await machine.run(command);
    if (ok || optional) continue;
    const lastLines = output.trimEnd().split('\n').slice(-REPORTED_LINES).join('\n');
    return `${packageManager} failed (${command.join(' ')}):\n${lastLines}`;
  }
  return undefined;
}

function missingMessage(platform: NodeJS.Platform, tried: readonly string[]): string {
  const install =
    platform === 'darwin' ? 'brew install redis' : 'sudo apt-get update && sudo apt-get install -y redis-server';
  return [
    'No Redis server was found, and none could be installed.',
    ...tried,
    `Install one, then start again:  ${install}`,
    'Or name one that runs already:  REDIS_URL=redis://127.0.0.1:6379 npm start',
  ].join('\n');
}
