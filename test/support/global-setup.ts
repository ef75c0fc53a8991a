import type { TestProject } from 'vitest/node';
import { obtainServer, thisMachine } from '@llm-engine/cli/embedded-redis';
import { createTemplate } from './database.ts';
import { FAST, PostgresServer } from './postgres-server.ts';
import { RedisServer } from './redis-server.ts';

declare module 'vitest' {
  interface ProvidedContext {
    /** The Redis that all integration tests share, each under a prefix of its own. */
    redisUrl: string;
    /** The PostgreSQL that all integration tests share, each with a database of its own. */
    databaseUrl: string;
  }
}

/** Finds a Redis server, or installs one as the engine itself does, and starts it and a PostgreSQL for all integration tests. */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const program = await obtainServer(thisMachine(), (line) => project.vitest.logger.log(line));
  if (program.kind === 'docker') {
    throw new Error('The tests kill and stop Redis, so they need a redis-server or valkey-server on this machine.');
  }
  await using servers = new AsyncDisposableStack();
  const [redis, postgres] = await Promise.all([RedisServer.start(), PostgresServer.start(FAST)]);
  servers.use(redis);
  servers.use(postgres);
  await createTemplate(postgres.url);
  project.provide('redisUrl', redis.url);
  project.provide('databaseUrl', postgres.url);
  const running = servers.move();
  return () => running.disposeAsync();
}
