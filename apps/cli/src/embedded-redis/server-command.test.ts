import { describe, expect, test } from 'vitest';
import { containerName, serverCommand } from './server-command.ts';

const place = { port: 6400, dataFolder: '/home/someone/.llm-engine/redis' };

describe('serverCommand', () => {
  test('a program is started on loopback, durable, and never evicts a job', () => {
    const { command, args } = serverCommand({ kind: 'program', path: '/usr/bin/redis-server' }, place);

    expect(command).toBe('/usr/bin/redis-server');
    expect(args.join(' ')).toBe(
      '--bind 127.0.0.1 --protected-mode yes --port 6400 --dir /home/someone/.llm-engine/redis --daemonize no --logfile  ' +
        '--appendonly yes --appendfsync everysec --save  --maxmemory-policy noeviction',
    );
  });

  test('a container is published on loopback only, with the data folder of the home', () => {
    const { command, args } = serverCommand({ kind: 'docker', image: 'valkey/valkey:8-alpine' }, place);

    expect(command).toBe('docker');
    expect(args.join(' ')).toContain('--publish 127.0.0.1:6400:6379 --volume /home/someone/.llm-engine/redis:/data');
    expect(args).toContain(containerName(place.dataFolder));
  });

  test('containers of two homes have different names', () => {
    const names = ['/a/redis', '/b/redis'].map((folder) => containerName(folder));

    expect(names[0]).not.toBe(names[1]);
  });
});
