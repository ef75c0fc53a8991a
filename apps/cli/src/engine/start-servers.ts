import { EmbeddedRedis } from '../embedded-redis/embedded-redis.ts';
import { obtainServer } from '../embedded-redis/obtain-server.ts';
import type { Machine } from '../embedded/machine.ts';
import { databaseUrlOf } from './database-url.ts';
import type { EngineLog } from './engine-log.ts';
import type { Home } from './home.ts';
import { requireRedis } from './require-redis.ts';
import type { Settings } from './settings.ts';

export interface ServersStart {
  readonly settings: Pick<Settings, 'redisUrl' | 'databaseUrl'>;
  readonly home: Home;
  readonly machine: Machine;
  readonly log: Pick<EngineLog, 'loggerFor'>;
  readonly say: (line: string) => void;
  /** Gets what has to be stopped. */
  readonly starting: AsyncDisposableStack;
  readonly signal?: AbortSignal;
}

export interface Servers {
  readonly redisUrl: string;
  /** Undefined where no PostgreSQL can run: then there are no files and batches. */
  readonly databaseUrl: string | undefined;
}

/** Starts what was not named, and makes sure of what was; both at once, since a first start of PostgreSQL takes its time. */
export async function startServers(options: ServersStart): Promise<Servers> {
  const [redis, database] = await Promise.allSettled([redisUrlOf(options), databaseUrlOf(options)]);
  // Both have ended: whatever started can be stopped.
  options.signal?.throwIfAborted();
  if (redis.status === 'rejected') throw redis.reason;
  if (database.status === 'rejected') throw database.reason;
  return { redisUrl: redis.value, databaseUrl: database.value };
}

async function redisUrlOf({ settings, home, machine, log, say, starting, signal }: ServersStart): Promise<string> {
  if (settings.redisUrl !== undefined) {
    await requireRedis(settings.redisUrl);
    return settings.redisUrl;
  }
  const logger = log.loggerFor('redis');
  const redis = await EmbeddedRedis.start({
    home,
    program: await obtainServer(machine, say),
    machine,
    say,
    onTrouble: (line) => logger.warn(line),
    ...(signal && { signal }),
  });
  return starting.use(redis).url;
}
