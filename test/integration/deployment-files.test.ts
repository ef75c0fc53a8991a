import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { loadEngineConfig } from '@llm-engine/executors';
import { describe, expect, test } from 'vitest';

interface ComposeService {
  readonly command?: readonly string[];
  readonly environment?: Readonly<Record<string, string | number>>;
  readonly ports?: readonly string[];
  readonly volumes?: readonly string[];
  readonly healthcheck: { readonly test: readonly string[] };
}

interface ComposeFile {
  readonly services: Readonly<Record<string, ComposeService>>;
}

const ROLES = ['producer', 'worker', 'monitor'] as const;

// The parser that engine.yaml is read with; the root of the repository has none of its own.
const { parse } = createRequire(new URL('../../packages/executors/package.json', import.meta.url))('yaml') as {
  readonly parse: (text: string, options: { readonly merge: boolean }) => unknown;
};

function read(path: string): Promise<string> {
  return readFile(new URL(`../../${path}`, import.meta.url), 'utf8');
}

async function composeFile(): Promise<ComposeFile> {
  return parse(await read('docker-compose.yml'), { merge: true }) as ComposeFile;
}

/** Names of the settings that a service reads, by its source. */
async function settingsOf(role: string): Promise<ReadonlySet<string>> {
  const [config, shared, access] = await Promise.all([
    read(`apps/${role}/src/config.ts`),
    read('packages/contracts/src/settings.ts'),
    read('packages/http/src/access.ts'),
  ]);
  const declared = [
    ...`${config}\n${shared}`.matchAll(/^ {2}([A-Z][A-Z_]+)[:,]/gm),
    ...access.matchAll(/'(LLM_ENGINE_API_KEYS\w*)'/g),
  ];
  return new Set(declared.flatMap(([, name]) => name ?? []));
}

function serviceOf({ services }: ComposeFile, role: string): ComposeService {
  const service = services[role];
  if (service === undefined) throw new Error(`docker-compose.yml has no service '${role}'.`);
  return service;
}

describe.for(ROLES)('the compose service %s', (role) => {
  test('is started by its own name, which the entry point of the image knows', async () => {
    const { command } = serviceOf(await composeFile(), role);
    const entryPoint = await read('deploy/start.sh');

    expect(command).toEqual([role]);
    expect(entryPoint).toMatch(new RegExp(`^ *.*\\b${role}\\b.*\\) exec node "apps/\\$1/dist/main.js"`, 'm'));
    await expect(read(`apps/${role}/src/main.ts`)).resolves.toContain('readConfig(process.env)');
    await expect(read('Dockerfile')).resolves.toContain(`COPY --from=build /app/apps/${role} ./apps/${role}`);
  });

  test('is compiled with every package that it needs', async () => {
    const manifest = JSON.parse(await read(`apps/${role}/package.json`)) as { dependencies: Record<string, string> };
    const project = JSON.parse(await read(`apps/${role}/tsconfig.json`)) as { references: { path: string }[] };
    const needed = Object.keys(manifest.dependencies).filter((name) => name.startsWith('@llm-engine/'));
    const compiled = project.references.map(({ path }) => path.replace('../../packages/', '@llm-engine/'));

    expect(compiled.toSorted()).toEqual(needed.toSorted());
    await expect(read('Dockerfile')).resolves.toMatch(new RegExp(`tsc --build .*apps/${role}\\b`));
  });

  test('sets only settings that it reads', async () => {
    const { environment = {} } = serviceOf(await composeFile(), role);
    const known = await settingsOf(role);

    expect(Object.keys(environment).filter((name) => !known.has(name))).toEqual([]);
    expect(environment['REDIS_URL']).toBe('redis://redis:6379');
  });

  test('is asked for a probe that there is, on the port that it listens on', async () => {
    const { healthcheck, environment = {}, ports = [] } = serviceOf(await composeFile(), role);
    const [, , script, port, path] = healthcheck.test;
    const probes = await read('packages/http/src/probes.ts');

    expect(script).toBe('probe.mjs');
    expect(Number(port)).toBe(environment[`${role.toUpperCase()}_PORT`]);
    expect(probes).toContain(`readonly ${path?.slice(1)}: Check;`);
    for (const published of ports) expect(published).toBe(`127.0.0.1:${port}:${port}`);
  });
});

test('the services that hold something secret do not start without a key', async () => {
  const compose = await composeFile();

  for (const role of ['producer', 'monitor']) {
    const { environment = {} } = serviceOf(compose, role);
    expect(environment['LLM_ENGINE_API_KEYS']).toMatch(/^\$\{LLM_ENGINE_API_KEYS:\?.+\}$/);
  }
});

test('the Redis of the compose file writes everything to disk and evicts nothing', async () => {
  const { command = [] } = serviceOf(await composeFile(), 'redis');

  expect(command.join(' ')).toContain('--appendonly yes');
  expect(command.join(' ')).toContain('--maxmemory-policy noeviction');
});

test('producer and worker share a database and a folder, which the user of the image may write to', async () => {
  const compose = await composeFile();
  const [producer, worker] = [serviceOf(compose, 'producer'), serviceOf(compose, 'worker')];
  const folder = String(producer.environment?.['STORAGE_URL']);

  expect(producer.environment?.['DATABASE_URL']).toMatch(/@postgres:5432\//);
  for (const name of ['DATABASE_URL', 'STORAGE_URL']) {
    expect(worker.environment?.[name]).toBe(producer.environment?.[name]);
  }
  for (const { volumes } of [producer, worker]) expect(volumes).toContain(`objects:${folder}`);
  await expect(read('Dockerfile')).resolves.toContain(`install --directory --owner node --group node ${folder}\n`);
});

test('the engine.yaml that the worker is given is valid, with the examples in its comments too', async () => {
  const { volumes = [], environment = {} } = serviceOf(await composeFile(), 'worker');
  const [source = '', target] = volumes[0]?.split(':') ?? [];
  const text = await read(source);
  const folder = await mkdtemp(join(tmpdir(), 'llm-engine-deployment-'));
  await using _cleanup = { [Symbol.asyncDispose]: () => rm(folder, { recursive: true }) };
  const all = join(folder, 'engine.yaml');
  await writeFile(all, text.replace(/^( *)# (?= *(?:[\w-]+:(?: |$)|- url:))/gm, '$1'));

  const asShipped = await loadEngineConfig(new URL(`../../${source}`, import.meta.url).pathname);
  const withExamples = await loadEngineConfig(all);

  expect(environment['LLM_ENGINE_CONFIG']).toBe(target);
  expect(Object.keys(asShipped.models)).toEqual(['mock']);
  expect(Object.keys(withExamples.models)).toEqual(['mock', 'llama-3-8b']);
  expect(withExamples.servers).toHaveLength(1);
});

test('the README names only settings that something reads', async () => {
  const sources = await Promise.all([
    read('apps/cli/src/engine/settings.ts'),
    read('apps/cli/src/engine/model-config.ts'),
    read('apps/cli/src/client/find-engine.ts'),
    read('apps/cli/src/commands/client-command.ts'),
    read('packages/http/src/access.ts'),
    read('packages/contracts/src/webhook-settings.ts'),
    ...ROLES.map((role) => read(`apps/${role}/src/config.ts`)),
  ]);
  const code = sources.join('\n');
  const rows = [...(await read('README.md')).matchAll(/^\| (`[A-Z][A-Z_]+`(?:, `[A-Z_]+`)*)/gm)];
  const named = rows.flatMap(([, names = '']) => [...names.matchAll(/[A-Z][A-Z_]+/g)].map(([name]) => name));

  expect(named).not.toEqual([]);
  expect(named.filter((name) => !code.includes(name))).toEqual([]);
});
