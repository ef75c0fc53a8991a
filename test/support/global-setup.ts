import type { TestProject } from 'vitest/node';
import { obtainServer, thisMachine } from '@llm-engine/cli/embedded-redis';
import { RedisServer } from './redis-server.ts';

declare module 'vitest' {
  interface ProvidedContext {
    /** The Redis that all integration tests share, each under a prefix of its own. */
    redisUrl: string;
  }
}

/** Finds a Redis server, or installs one as the engine itself does, and starts it for all integration tests. */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const program = await obtainServer(thisMachine(), (line) => project.vitest.logger.log(line));
  if (program.kind === 'docker') {
    throw new Error('The tests kill and stop Redis, so they need a redis-server or valkey-server on this machine.');
  }
  const redis = await RedisServer.start();
  project.provide('redisUrl', redis.url);
  return () => redis[Symbol.asyncDispose]();
}
