import { access, readFile, readdir } from 'node:fs/promises';
import { JOB_STATES, LEGAL_TRANSITIONS, TERMINAL_STATES } from '@llm-engine/contracts';
import { expect, test } from 'vitest';

const ROOT = new URL('../../', import.meta.url);
const DOCUMENTS = ['README.md', 'ARCHITECTURE.md', 'CONTRIBUTING.md', 'CHANGELOG.md'];

function read(path: string): Promise<string> {
  return readFile(new URL(path, ROOT), 'utf8');
}

async function sources(): Promise<readonly string[]> {
  const entries = await Promise.all(
    ['packages', 'apps', 'trainers', 'test'].map((folder) => readdir(new URL(folder, ROOT), { recursive: true })),
  );
  return entries.flat().filter((path) => path.endsWith('.ts') && !path.includes('node_modules'));
}

test('the state diagram shows the transitions that are legal, and no others', async () => {
  const [, diagram = ''] = /```mermaid\n([^]*?)```/.exec(await read('ARCHITECTURE.md')) ?? [];
  const drawn = [...diagram.matchAll(/^ *(\w+) --> (\w+)/gm)].map(([, from, to]) => `${from} ${to}`);
  const ends = [...diagram.matchAll(/^ *(\w+) --> \[\*\]/gm)].map(([, state]) => state);

  const legal = JOB_STATES.flatMap((from) => LEGAL_TRANSITIONS[from].map((to) => `${from} ${to}`));
  expect(drawn.toSorted()).toEqual(legal.toSorted());
  expect(new Set(ends)).toEqual(new Set(TERMINAL_STATES));
});

test('the table of Redis keys has every key and channel that the code makes', async () => {
  const [, table = ''] = /## What Redis holds\n([^]*?)\n## /.exec(await read('ARCHITECTURE.md')) ?? [];
  const keys = await read('packages/queue/src/keys.ts');
  const made = [...keys.matchAll(/`\$\{this\.base\}:([\w-]+)/g)].flatMap(([, name]) => name ?? []);
  const rows = [...table.matchAll(/^\| `([\w-]+)(?::<\w+>)*` +\|/gm)].flatMap(([, name]) => name ?? []);

  expect(made).not.toEqual([]);
  expect(rows.toSorted()).toEqual([...new Set(made)].toSorted());
});

test('the table of tables has every one that the schema makes', async () => {
  const [, table = ''] =
    /## What PostgreSQL and the object store hold\n([^]*?)\n## /.exec(await read('ARCHITECTURE.md')) ?? [];
  const schema = await read('packages/storage/src/database/schema.ts');
  const made = [...schema.matchAll(/pgTable\(\s*'(\w+)'/g)].flatMap(([, name]) => name ?? []);
  const rows = [...table.matchAll(/^\| `(\w+)` +\|/gm)].flatMap(([, name]) => name ?? []);

  expect(made).not.toEqual([]);
  expect(rows.toSorted()).toEqual(made.toSorted());
});

test('the source files that the architecture names exist', async () => {
  const files = await sources();
  const named = [...(await read('ARCHITECTURE.md')).matchAll(/`([\w./-]+\.ts)`/g)].flatMap(([, name]) => name ?? []);

  expect(named).not.toEqual([]);
  const missing = named.filter(
    (name) => !files.some((file) => `/${file}`.endsWith(`/${name.replace(/^(?:packages|apps|trainers|test)\//, '')}`)),
  );
  expect(missing).toEqual([]);
});

test('links between the documents lead somewhere', async () => {
  const docs = (await readdir(new URL('docs', ROOT))).filter((name) => name.endsWith('.md'));
  const broken: string[] = [];
  for (const document of [...DOCUMENTS, ...docs.map((name) => `docs/${name}`)]) {
    const links = [...(await read(document)).matchAll(/\]\((?!https?:|#)([^)#]+)(?:#[^)]*)?\)/g)];
    for (const [, target = ''] of links) {
      await access(new URL(target, new URL(document, ROOT))).catch(() => broken.push(`${document}: ${target}`));
    }
  }

  expect(broken).toEqual([]);
});
