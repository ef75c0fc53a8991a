import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { TemporaryFolder, runCli } from '../support/cli.ts';

function line(id: string, url = '/v1/chat/completions'): string {
  const body = { model: 'm', messages: [{ role: 'user', content: 'Hello' }] };
  return JSON.stringify({ custom_id: id, method: 'POST', url, body });
}

test('a file that can be run is valid, without an engine', async () => {
  await using folder = await TemporaryFolder.create();
  await writeFile(join(folder.path, 'good.jsonl'), `${line('a')}\n${line('b')}\n`);

  const { code, stdout, stderr } = await runCli(['validate', 'good.jsonl'], { cwd: folder.path });

  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  expect(stdout).toMatch(/^good\.jsonl is valid: 2 requests, \d+ B · m at \/v1\/chat\/completions\n$/);
});

test('every wrong line is printed with its place and what to do', async () => {
  await using folder = await TemporaryFolder.create();
  await writeFile(join(folder.path, 'bad.jsonl'), [line('a'), '{', line('a'), line('b', '/v1/embeddings')].join('\n'));

  const { code, stdout } = await runCli(['validate', 'bad.jsonl'], { cwd: folder.path });

  expect(code).toBe(1);
  expect(stdout.split('\n').map((text) => text.split(': ').slice(0, 2).join(': '))).toEqual([
    'bad.jsonl:2: invalid_json_line',
    'bad.jsonl:3: duplicate_custom_id',
    'bad.jsonl:4: invalid_url',
    'bad.jsonl cannot be run: 3 errors · 4 requests, ' + stdout.trimEnd().split(', ').at(-1),
    '',
  ]);
});

test('--json prints the report as a line, also of standard input', async () => {
  const args = ['validate', '-', '--json', '--endpoint', '/v1/embeddings', '--max-lines', '1'];

  const { code, stdout } = await runCli(args, { input: `${line('a')}\n${line('b')}` });

  expect(code).toBe(1);
  expect(JSON.parse(stdout)).toMatchObject({
    file: '-',
    valid: false,
    requests: 1,
    endpoint: '/v1/embeddings',
    model: 'm',
    errors: [
      { code: 'invalid_url', param: 'url', line: 1 },
      { code: 'too_many_requests_in_file', param: null, line: 2 },
    ],
  });
});

test.each(['nowhere.jsonl', '.'])('%s cannot be read, which is said', async (path) => {
  await using folder = await TemporaryFolder.create();

  const { code, stdout, stderr } = await runCli(['validate', path], { cwd: folder.path });

  expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
  expect(stderr).toContain(`error file_not_readable: ${path} cannot be read`);
});
