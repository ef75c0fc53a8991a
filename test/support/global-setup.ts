import type { TestProject } from 'vitest/node';
import { RedisServer } from './redis-server.ts';

declare module 'vitest' {
  interface ProvidedContext {
    /** The Redis that all integration tests share, each under a prefix of its own. */
    redisUrl: string;
  }
}

export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const redis = await RedisServer.start();
  project.provide('redisUrl', redis.url);
  return () => redis[Symbol.asyncDispose]();
}
