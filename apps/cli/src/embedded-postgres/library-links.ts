import { readFile, symlink } from 'node:fs/promises';
import { dirname, join, relative } from 'node:path';
import { z } from 'zod';
import { StartError } from '../engine/start-error.ts';

const linkList = z.array(z.object({ source: z.string(), target: z.string() }));

/**
 * Makes the links between the shared libraries of PostgreSQL, which a package cannot carry. The package's install script makes
 * them too, where npm runs it.
 */
export async function makeLibraryLinks(folder: string): Promise<void> {
  for (const { source, target } of await linksOf(folder)) {
    const link = join(folder, target);
    try {
      await symlink(relative(dirname(link), join(folder, source)), link);
    } catch (error) {
      if (error instanceof Error && 'code' in error && error.code === 'EEXIST') continue;
      throw new StartError(
        'postgres_missing',
        `The link ${link} is missing, and cannot be made. Run npm rebuild as the owner of this folder, or set DATABASE_URL.`,
        { cause: error },
      );
    }
  }
}

async function linksOf(folder: string): Promise<z.infer<typeof linkList>> {
  let text: string;
  try {
    text = await readFile(join(folder, 'native/pg-symlinks.json'), 'utf8');
  } catch {
    // A platform whose libraries need no links brings no list.
    return [];
  }
  return linkList.parse(JSON.parse(text));
}
