import { mkdtemp, readFile, rm, stat, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { openEngineLog } from './engine-log.ts';

async function temporaryLog(): Promise<{ readonly path: string } & AsyncDisposable> {
  const folder = await mkdtemp(join(tmpdir(), 'llm-engine-log-'));
  return { path: join(folder, 'engine.log'), [Symbol.asyncDispose]: () => rm(folder, { recursive: true }) };
}

describe('openEngineLog', () => {
  test('the file has everything as JSON, a person is told what is wrong', async () => {
    await using temporary = await temporaryLog();
    const said: string[] = [];
    const log = await openEngineLog({ path: temporary.path, sayFrom: 'warn', say: (line) => said.push(line) });

    log.loggerFor('worker').info({ jobId: 'j' }, 'job started');
    log.loggerFor('worker').warn({ err: new Error('refused'), source: 'redis' }, 'trouble');
    await log[Symbol.asyncDispose]();

    const lines = (await readFile(temporary.path, 'utf8')).trimEnd().split('\n');
    expect(lines.map((line) => JSON.parse(line) as unknown)).toEqual([
      expect.objectContaining({ level: 'info', service: 'worker', jobId: 'j', msg: 'job started' }),
      expect.objectContaining({ level: 'warn', err: expect.objectContaining({ stack: expect.any(String) }) }),
    ]);
    expect(said).toEqual(['warn: worker: trouble source=redis (refused)']);
  });

  test('a person who wants to see more is told more', async () => {
    await using temporary = await temporaryLog();
    const said: string[] = [];
    const log = await openEngineLog({ path: temporary.path, sayFrom: 'debug', say: (line) => said.push(line) });

    log.loggerFor('worker').debug('a detail');
    await log[Symbol.asyncDispose]();

    expect(said).toEqual(['debug: worker: a detail']);
  });

  test('a log that has grown large is put aside at the next start', async () => {
    await using temporary = await temporaryLog();
    await writeFile(temporary.path, 'old\n');
    await truncate(temporary.path, 33 * 1024 * 1024);

    const log = await openEngineLog({ path: temporary.path, sayFrom: 'silent', say: () => undefined });
    await log[Symbol.asyncDispose]();

    expect((await stat(temporary.path)).size).toBe(0);
    expect((await stat(`${temporary.path}.1`)).size).toBe(33 * 1024 * 1024);
  });
});
