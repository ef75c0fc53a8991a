import { readFile, rename, rm, writeFile } from 'node:fs/promises';
import { z } from 'zod';
import type { Home } from './home.ts';

const engineFile = z.object({
  pid: z.int(),
  /** Unix milliseconds. */
  startedAt: z.number(),
  // The addresses are missing while the engine starts.
  producerUrl: z.string().optional(),
  monitorUrl: z.string().optional(),
  workerUrl: z.string().optional(),
  redisUrl: z.string().optional(),
  databaseUrl: z.string().optional(),
});

/** How the other commands find the engine that runs in a home. */
export type EngineFile = Readonly<z.infer<typeof engineFile>>;

/** Undefined where no engine runs, and where the file is not one of ours. */
export async function readEngineFile(home: Home): Promise<EngineFile | undefined> {
  try {
    return engineFile.parse(JSON.parse(await readFile(home.engineFile, 'utf8')));
  } catch {
    // A missing or foreign file means the same to every reader: nothing is known here.
    return undefined;
  }
}

export async function writeEngineFile(home: Home, content: EngineFile): Promise<void> {
  await writeWhole(home.engineFile, JSON.stringify(content, null, 2));
}

export async function removeEngineFile(home: Home): Promise<void> {
  await rm(home.engineFile, { force: true });
}

/** Readers see the old content or the new one, never a part. */
export async function writeWhole(path: string, text: string): Promise<void> {
  const draft = `${path}.${process.pid}.tmp`;
  await writeFile(draft, `${text}\n`, { mode: 0o600 });
  await rename(draft, path);
}
