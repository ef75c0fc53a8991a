import { createHash } from 'node:crypto';
import type { RedisProgram } from './obtain-server.ts';

export interface ServerPlace {
  readonly port: number;
  /** The folder that holds the data; nothing else may have it open. */
  readonly dataFolder: string;
}

export interface ServerCommand {
  readonly command: string;
  readonly args: readonly string[];
}

/** Where a container sees the data folder. */
const CONTAINER_DATA = '/data';
const CONTAINER_PORT = 6379;

const DURABLE = {
  daemonize: 'no',
  // To standard output.
  logfile: '',
  // Every write is in the file within a second. Snapshots beside it would only cost time: the file holds everything.
  appendonly: 'yes',
  appendfsync: 'everysec',
  save: '',
  // An evicted key would be a lost job: with its memory full the server refuses writes instead.
  'maxmemory-policy': 'noeviction',
};

/** How a server is started in the foreground: on loopback, durable, and never evicting a job. It logs to its standard output. */
export function serverCommand(program: RedisProgram, { port, dataFolder }: ServerPlace): ServerCommand {
  if (program.kind === 'program') {
    const settings = { bind: '127.0.0.1', 'protected-mode': 'yes', port, dir: dataFolder, ...DURABLE };
    return { command: program.path, args: flags(settings) };
  }
  const container = {
    name: containerName(dataFolder),
    publish: `127.0.0.1:${port}:${CONTAINER_PORT}`,
    volume: `${dataFolder}:${CONTAINER_DATA}`,
    ...containerUser(),
  };
  // Inside the container the server has to listen to the outside; only the loopback port is published.
  const settings = {
    bind: '0.0.0.0',
    'protected-mode': 'no',
    port: CONTAINER_PORT,
    dir: CONTAINER_DATA,
    ...DURABLE,
  };
  const args = ['run', '--rm', ...flags(container), program.image, 'valkey-server', ...flags(settings)];
  return { command: 'docker', args };
}

/** What the server calls its data folder, by which one is told from another. */
export function reportedFolder(program: RedisProgram, dataFolder: string): string {
  return program.kind === 'docker' ? CONTAINER_DATA : dataFolder;
}

/** The same for the same folder, so that a container that was left behind is found again. */
export function containerName(dataFolder: string): string {
  return `llm-engine-redis-${createHash('sha256').update(dataFolder).digest('hex').slice(0, 12)}`;
}

/** The files stay the user's own. */
function containerUser(): { readonly user?: string } {
  const [user, group] = [process.getuid?.(), process.getgid?.()];
  return user === undefined || group === undefined ? {} : { user: `${user}:${group}` };
}

function flags(values: Readonly<Record<string, string | number>>): readonly string[] {
  return Object.entries(values).flatMap(([name, value]) => [`--${name}`, String(value)]);
}
