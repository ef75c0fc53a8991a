import { mkdir, readFile, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { chatLine, chatLines, parseLines } from '../support/batches.ts';
import { CliProcess, TemporaryFolder, runCli } from '../support/cli.ts';
import type { CliEnd } from '../support/cli.ts';
import { Gate } from '../support/gate.ts';
import { LossyProxy } from '../support/lossy-proxy.ts';
import { startModelServer } from '../support/model-server.ts';
import type { ModelServer } from '../support/model-server.ts';
import { Up } from '../support/up.ts';

/** Answers only when the test lets it. */
const HELD = ['held-watch', 'held-cancel', 'held-outage', 'held-log'] as const;
const PICKY = 'picky';

const resources = new AsyncDisposableStack();
let models: ModelServer;
let up: Up;
let home: string;

// One engine for all: a start takes longer than any of these tests.
beforeAll(async () => {
  models = resources.use(await startModelServer({ models: ['m', PICKY, ...HELD] }));
  models.forModel(PICKY, { kind: 'status', status: 400, error: { message: 'I do not like it.' } });
  home = resources.use(await TemporaryFolder.create()).path;
  up = resources.use(await Up.start({ home, env: { MODEL_URL: models.url } }));
});

afterAll(() => resources.disposeAsync());

/** A folder with an input file, where commands run against the engine. */
class Workplace {
  readonly path: string;

  private constructor(path: string) {
    this.path = path;
  }

  static async with(content: string): Promise<Workplace> {
    const folder = await TemporaryFolder.create();
    onTestFinished(() => folder[Symbol.asyncDispose]());
    await writeFile(join(folder.path, 'in.jsonl'), content);
    return new Workplace(folder.path);
  }

  cli(...args: readonly string[]): Promise<CliEnd> {
    return runCli(args, { cwd: this.path, env: { LLM_ENGINE_HOME: home } });
  }

  start(...args: readonly string[]): CliProcess {
    return new CliProcess(args, { cwd: this.path, env: { LLM_ENGINE_HOME: home } });
  }

  files(): Promise<string[]> {
    return readdir(this.path).then((names) => names.toSorted());
  }

  read(name: string): Promise<string> {
    return readFile(join(this.path, name), 'utf8');
  }

  async ids(name: string): Promise<string[]> {
    return parseLines(await this.read(name)).map(({ custom_id: id }) => id);
  }
}

/** Lets a model's answers out when it is called. */
function hold(model: (typeof HELD)[number]): () => void {
  const { promise, resolve } = Promise.withResolvers<void>();
  models.forModel(model, { kind: 'ok', until: promise });
  return resolve;
}

const idIn = ({ stderr }: Pick<CliEnd, 'stderr'>): string => /Made (batch_\w+)/.exec(stderr)?.[1] ?? '';

describe('batch', () => {
  test('runs a file of requests, and saves the results in the order of the file', async () => {
    const place = await Workplace.with(chatLines(250, () => ({ model: 'm' })));

    const { code, stdout, stderr } = await place.cli('batch', 'in.jsonl', '--out', 'out.jsonl');

    expect({ code, stdout }).toEqual({ code: 0, stdout: '' });
    expect(stderr).toMatch(/^Uploaded in\.jsonl as file-\w+ \(\d+ kB\)\.\nMade batch_\w+\.\n/);
    expect(stderr).toMatch(/completed · 250 requests · .* tokens · took .*\nSaved out\.jsonl\n$/);
    expect(await place.files()).toEqual(['in.jsonl', 'out.jsonl']);
    expect(await place.ids('out.jsonl')).toEqual(Array.from({ length: 250 }, (_, index) => `line-${index}`));
  });

  test('whose lines failed ends with 4, has both files, and can be tried again', async () => {
    const place = await Workplace.with(chatLines(3, () => ({ model: PICKY })));

    const first = await place.cli('batch', 'in.jsonl', '--out', 'out.jsonl');
    models.forModel(PICKY, { kind: 'ok' });
    const retried = await place.cli('batches', 'retry', idIn(first));
    const [, fresh = ''] = /is tried again as {2}(batch_\w+)/.exec(retried.stdout) ?? [];
    const second = await place.cli('batches', 'watch', fresh, '--out', 'again.jsonl');

    expect(first.code).toBe(4);
    expect(first.stderr).toContain('completed · 3 requests · 3 failed');
    expect(parseLines(await place.read('out.errors.jsonl'))[0]).toMatchObject({
      custom_id: 'line-0',
      response: { status_code: 400, body: { error: { message: 'I do not like it.' } } },
    });
    expect(retried.code).toBe(0);
    expect(second.code).toBe(0);
    expect(await place.ids('again.jsonl')).toEqual(['line-0', 'line-1', 'line-2']);
    expect(await place.files()).toEqual(['again.jsonl', 'in.jsonl', 'out.errors.jsonl']);
  });

  test('--json prints the batch that has ended as one line', async () => {
    const place = await Workplace.with(chatLine('a', { model: 'm' }));

    const { code, stdout } = await place.cli('batch', 'in.jsonl', '--json', '--metadata', 'run=7', '--window', '2h');

    expect(code).toBe(0);
    expect(stdout.trimEnd().split('\n')).toHaveLength(1);
    expect(JSON.parse(stdout)).toMatchObject({
      status: 'completed',
      metadata: { run: '7' },
      completion_window: '2h',
      request_counts: { total: 1, completed: 1, failed: 0 },
    });
  });

  test('reads standard input, whatever it asks for, and writes standard output', async () => {
    const body = { model: 'm', input: 'Hello' };
    const line = JSON.stringify({ custom_id: 'a', method: 'POST', url: '/v1/embeddings', body });

    const { code, stdout } = await runCli(['batch', '-', '--out', '-'], {
      input: line,
      env: { LLM_ENGINE_HOME: home },
    });

    expect(code).toBe(0);
    expect(parseLines(stdout)).toMatchObject([{ custom_id: 'a', response: { status_code: 200 } }]);
  });

  test('a bad file ends with 1, and every bad line is named', async () => {
    const place = await Workplace.with(`${chatLine('a')}{\n${chatLine('a')}`);

    const { code, stdout, stderr } = await place.cli('batch', 'in.jsonl', '--out', 'out.jsonl');
    const asJson = await place.cli('batch', 'in.jsonl', '--json');

    expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
    expect(stderr).toContain('\nin.jsonl:2: invalid_json_line: ');
    expect(stderr).toContain('\nin.jsonl:3: duplicate_custom_id: ');
    expect(await place.files()).toEqual(['in.jsonl']);
    expect(asJson.code).toBe(1);
    expect(JSON.parse(asJson.stdout)).toMatchObject({ status: 'failed', errors: { data: [{ line: 2 }, { line: 3 }] } });
  });

  test('files that are there are replaced only by force', async () => {
    const place = await Workplace.with(chatLine('a', { model: 'm' }));
    await writeFile(join(place.path, 'out.jsonl'), 'mine');

    const refused = await place.cli('batch', 'in.jsonl', '--out', 'out.jsonl');
    const kept = await place.read('out.jsonl');
    const forced = await place.cli('batch', 'in.jsonl', '--out', 'out.jsonl', '--force');

    expect(refused).toMatchObject({ code: 2, stderr: expect.stringMatching(/^error file_exists: out\.jsonl/) });
    expect(kept).toBe('mine');
    expect(forced.code).toBe(0);
    expect(await place.ids('out.jsonl')).toEqual(['a']);
  });

  test('Ctrl-C ends the watching, and the command that is shown then goes on with it', async () => {
    const release = hold('held-watch');
    const place = await Workplace.with(chatLine('a', { model: 'held-watch' }));
    await using watching = place.start('batch', 'in.jsonl', '--out', 'my out.jsonl');
    await watching.prints(/0 % · 0\/1/, 'stderr');

    watching.signal('SIGINT');
    const { code, stderr } = await watching.ended();
    const [, again = ''] = /Watch it again with: llm-engine (.*)\n/.exec(stderr) ?? [];
    release();
    const second = await place.cli(...again.split(' ', 3), '--out', 'my out.jsonl');

    expect(code).toBe(130);
    expect(again).toMatch(/^batches watch batch_\w+ --out 'my out.jsonl'$/);
    expect(second.code).toBe(0);
    expect(await place.files()).toEqual(['in.jsonl', 'my out.jsonl']);
  });

  test('an engine that is away for a while is waited for', async () => {
    const release = hold('held-outage');
    const place = await Workplace.with(chatLine('a', { model: 'held-outage' }));
    await using gate = await Gate.to(Number(new URL(up.addresses.producerUrl).port));
    const url = `http://127.0.0.1:${gate.port}`;
    await using watching = place.start('batch', 'in.jsonl', '--out', 'out.jsonl', '--url', url);
    await watching.prints(/0 % · 0\/1/, 'stderr');

    await gate.close();
    await watching.prints(/The engine does not answer; asking again until it does\. The batch is safe\./, 'stderr');
    release();
    await gate.open();
    const { code, stderr } = await watching.ended();

    expect(code).toBe(0);
    expect(stderr).toContain('The engine answers again.');
    expect(await place.ids('out.jsonl')).toEqual(['a']);
  });

  test('answers that are lost on the way make no second batch, and no half of a file', async () => {
    const place = await Workplace.with(chatLines(50, () => ({ model: 'm' })));
    await using proxy = await LossyProxy.before(up.addresses.producerUrl);
    proxy.loseNext('POST /v1/batches', 'whole');
    proxy.loseNext('GET /content', 'rest');

    const args = ['--out', 'out.jsonl', '--metadata', 'case=lost', '--url', proxy.url];
    const { code } = await place.cli('batch', 'in.jsonl', ...args);

    const listed = await place.cli('batches', '--limit', '100', '--json');
    const { data } = JSON.parse(listed.stdout) as { data: { metadata: Record<string, string> | null }[] };
    expect(code).toBe(0);
    expect(proxy.requests.filter((request) => request === 'POST /v1/batches')).toHaveLength(2);
    expect(data.filter(({ metadata }) => metadata?.['case'] === 'lost')).toHaveLength(1);
    expect(await place.ids('out.jsonl')).toHaveLength(50);
    expect(await place.files()).toEqual(['in.jsonl', 'out.jsonl']);
  });

  test('an engine that is not there ends with 3, a file that is not there with 2', async () => {
    const place = await Workplace.with(chatLine('a'));
    await mkdir(join(place.path, 'folder'));

    const nobody = await place.cli('batch', 'in.jsonl', '--url', 'http://127.0.0.1:9');
    const nothing = await place.cli('batch', 'nowhere.jsonl');
    const folder = await place.cli('batch', 'folder');

    expect(nobody).toMatchObject({ code: 3, stderr: expect.stringContaining('error engine_unreachable:') });
    expect(nothing).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('error file_not_readable: nowhere.jsonl'),
    });
    expect(folder).toMatchObject({ code: 2, stderr: expect.stringContaining('error file_not_readable: folder') });
  });
});

describe('batches', () => {
  test('one that is paused says so, and goes on when it is resumed', async () => {
    const place = await Workplace.with(chatLine('a', { model: 'held-log' }));
    const release = hold('held-log');
    const id = (await place.cli('batch', 'in.jsonl', '--no-wait')).stdout.trim();

    const paused = await place.cli('batches', 'pause', id);
    await using watching = place.start('batches', 'watch', id);
    await watching.prints(/0 % · 0\/1 · paused/, 'stderr');
    const resumed = await place.cli('batches', 'resume', id);
    release();

    expect(paused).toMatchObject({ code: 0, stdout: `${id}  paused\n` });
    expect(resumed).toMatchObject({ code: 0, stdout: `${id}  in_progress\n` });
    expect((await watching.ended()).code).toBe(0);
  });

  test('one that is cancelled ends with 1, and keeps what it did', async () => {
    const place = await Workplace.with(chatLines(2, () => ({ model: 'held-cancel' })));
    hold('held-cancel');
    models.next({ kind: 'ok' });
    const id = (await place.cli('batch', 'in.jsonl', '--no-wait')).stdout.trim();
    await using watching = place.start('batches', 'watch', id, '--out', 'out.jsonl');
    let soFar = '';
    while (soFar === '') soFar = (await place.cli('batches', 'output', id)).stdout;

    const cancelled = await place.cli('batches', 'cancel', id, 'batch_nope');
    const { code } = await watching.ended();

    expect(parseLines(soFar)).toHaveLength(1);
    expect(cancelled.code).toBe(1);
    expect(cancelled.stdout).toMatch(new RegExp(`^${id} {2}cancell(ing|ed)\n$`));
    expect(cancelled.stderr).toContain('error batch_not_found:');
    expect(code).toBe(1);
    expect(await place.ids('out.jsonl')).toEqual(parseLines(soFar).map(({ custom_id: name }) => name));
    expect(parseLines(await place.read('out.errors.jsonl'))).toMatchObject([{ error: { code: 'batch_cancelled' } }]);
  });

  test('are listed newest first, page after page, and shown', async () => {
    const place = await Workplace.with(chatLine('a', { model: 'm' }));
    const older = idIn(await place.cli('batch', 'in.jsonl'));
    const newer = idIn(await place.cli('batch', 'in.jsonl'));

    const first = await place.cli('batches', '--limit', '1');
    const second = await place.cli('batches', 'list', '--limit', '1', '--after', newer, '--json');
    const shown = await place.cli('batches', 'show', older);

    expect(first.stdout).toMatch(new RegExp(`^ID .*\n${newer} +completed +m +1/1`));
    expect(first.stderr).toContain(`--after ${newer}`);
    expect(JSON.parse(second.stdout)).toMatchObject({ data: [{ id: older }], has_more: true });
    expect(shown.stdout).toMatch(/^Requests +1: 1 completed, 0 failed$/m);
  });
});

describe('files', () => {
  test('are uploaded, listed, shown, downloaded and deleted', async () => {
    const place = await Workplace.with(chatLine('a'));

    const id = (await place.cli('files', 'upload', 'in.jsonl', '--purpose', 'batch', '--expires', '7d')).stdout.trim();
    const listed = await place.cli('files', '--purpose', 'batch', '--limit', '1');
    const shown = await place.cli('files', 'show', id, '--json');
    const printed = await place.cli('files', 'download', id);
    const saved = await place.cli('files', 'download', id, '--out', 'copy.jsonl');
    const refused = await place.cli('files', 'download', id, '--out', 'copy.jsonl');
    const deleted = await place.cli('files', 'delete', id);
    const gone = await place.cli('files', 'show', id);

    expect(listed.stdout).toMatch(new RegExp(`\n${id} +batch +\\d+ B +\\S.* in (7 d|6 d 23 h) +in\\.jsonl\n$`));
    const file = JSON.parse(shown.stdout) as { created_at: number; expires_at: number };
    expect(file).toMatchObject({ id, filename: 'in.jsonl', purpose: 'batch' });
    expect(file.expires_at - file.created_at).toBe(7 * 86_400);
    expect(printed.stdout).toBe(chatLine('a'));
    expect(saved.code).toBe(0);
    expect(await place.read('copy.jsonl')).toBe(chatLine('a'));
    expect(refused).toMatchObject({ code: 2, stderr: expect.stringContaining('file_exists') });
    expect(deleted).toMatchObject({ code: 0, stdout: `${id}  deleted\n` });
    expect(gone).toMatchObject({ code: 1, stderr: expect.stringContaining('error file_not_found:') });
  });
});
