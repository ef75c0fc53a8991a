import { createLogger } from '@llm-engine/observability';
import { expect, test } from 'vitest';
import type { Machine } from '../embedded/machine.ts';
import { databaseUrlOf } from './database-url.ts';
import { homeAt } from './home.ts';

const nowhere: Machine = {
  platform: 'sunos',
  architecture: 'x64',
  isRoot: false,
  find: async () => undefined,
  run: async () => ({ ok: false, output: '' }),
};

test('where no PostgreSQL can run, the engine does without files and batches, and says why', async () => {
  await using starting = new AsyncDisposableStack();
  const said: string[] = [];

  const url = await databaseUrlOf({
    settings: {},
    home: homeAt('/nowhere'),
    machine: nowhere,
    log: { loggerFor: () => createLogger({ service: 'test' }) },
    say: (line) => said.push(line),
    starting,
  });

  expect(url).toBeUndefined();
  expect(said).toEqual([expect.stringMatching(/no files and batches:.*sunos-x64[^]*DATABASE_URL/)]);
});
