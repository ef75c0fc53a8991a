import { mkdir } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { StartError } from './start-error.ts';

export const DEFAULT_HOME = '.llm-engine';

/** Where everything of one engine lies. Engines with different homes share nothing. */
export interface Home {
  readonly root: string;
  /** Held by the engine that runs here. */
  readonly lockFile: string;
  /** Addresses and process id of the engine that runs here, for the other commands. */
  readonly engineFile: string;
  /** The engine's JSON log. */
  readonly engineLog: string;
  /** The embedded Redis: its data, its log, and where it was last started. */
  readonly redisData: string;
  readonly redisLog: string;
  readonly redisFile: string;
  /** The embedded PostgreSQL: its data, its log, and the password of its user. */
  readonly postgresData: string;
  readonly postgresLog: string;
  readonly postgresPassword: string;
  /** Bytes of files, where no other store is named. */
  readonly objects: string;
}

export function homeAt(folder: string): Home {
  const root = resolve(folder);
  return {
    root,
    lockFile: join(root, 'engine.lock'),
    engineFile: join(root, 'engine.json'),
    engineLog: join(root, 'engine.log'),
    redisData: join(root, 'redis'),
    redisLog: join(root, 'redis.log'),
    redisFile: join(root, 'redis.json'),
    postgresData: join(root, 'postgres'),
    postgresLog: join(root, 'postgres.log'),
    postgresPassword: join(root, 'postgres.password'),
    objects: join(root, 'objects'),
  };
}

/** Only its owner may enter: the home holds prompts and answers. */
export async function createHome(home: Home): Promise<void> {
  try {
    await mkdir(home.root, { recursive: true, mode: 0o700 });
  } catch (error) {
    throw new StartError(
      'home_not_writable',
      `The folder ${home.root} cannot be created or written. Set LLM_ENGINE_HOME to a folder that can be.`,
      { cause: error },
    );
  }
}
