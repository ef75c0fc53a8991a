import { execFile } from 'node:child_process';
import { cp, readdir } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import { TemporaryFolder } from '../support/cli.ts';

const PACKAGE = fileURLToPath(new URL('../../packages/storage', import.meta.url));
const DRIZZLE_KIT = join(dirname(createRequire(join(PACKAGE, 'package.json')).resolve('drizzle-kit')), 'bin.cjs');

test('the migrations make every table as the schema has it', async () => {
  await using folder = await TemporaryFolder.create();
  const copy = join(folder.path, 'migrations');
  await cp(join(PACKAGE, 'migrations'), copy, { recursive: true });
  const before = await readdir(copy);

  // Both as seen from the package: an absolute folder is taken for one that lies in it.
  const from = ['--schema=src/database/schema.ts', `--out=${relative(PACKAGE, copy)}`];
  const { stdout } = await promisify(execFile)(
    process.execPath,
    [DRIZZLE_KIT, 'generate', '--dialect=postgresql', '--casing=snake_case', ...from],
    { cwd: PACKAGE },
  );

  expect(stdout).toContain('No schema changes');
  expect(await readdir(copy)).toEqual(before);
});
