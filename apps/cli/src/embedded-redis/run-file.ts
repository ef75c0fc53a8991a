import { readFile, rm } from 'node:fs/promises';
import { z } from 'zod';
import { writeWhole } from '../engine/engine-file.ts';

const runFile = z.object({
  port: z.int().min(1).max(65_535),
  /** Missing from the moment before the start until the process exists. */
  pid: z.int().positive().optional(),
  kind: z.enum(['program', 'docker']),
});

/** Where the server of a home was last started: what a new engine looks at to find one that a killed engine left behind. */
export type RunFile = Readonly<z.infer<typeof runFile>>;

export async function readRunFile(path: string): Promise<RunFile | undefined> {
  try {
    return runFile.parse(JSON.parse(await readFile(path, 'utf8')));
  } catch {
    // No file: the last stop was clean. A file that cannot be read names nothing that could be stopped.
    return undefined;
  }
}

export async function writeRunFile(path: string, content: RunFile): Promise<void> {
  await writeWhole(path, JSON.stringify(content));
}

export async function removeRunFile(path: string): Promise<void> {
  await rm(path, { force: true });
}
